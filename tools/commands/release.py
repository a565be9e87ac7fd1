"""`netti release`: make release keys; build, sign, show and unpack releases of the device's firmware."""

import argparse
import getpass
import os
import sys
import time
from pathlib import Path

from firmware import boot
from firmware.wire import envelope
from firmware.wire.release import ReleaseError, read_head, version_number

from ..errors import CommandError
from ..release import build, manifest
from ..release import keys as release_keys

HELP = "build and sign a release of the device's firmware, or make the keys for it"
EXAMPLE = """netti release key keys
  netti release build out --version 0.2.0 --keys keys
  netti release sign out --key keys/release.key
  netti release show out --keys keys"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    sub = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    p = sub.add_parser("key", help="make a release key and its pinned successor",
                       description="Make release.key and successor.key with their public halves. Keep the successor "
                                   "elsewhere: a release signed with it brings the keys that hold from then on.")
    p.add_argument("folder", type=Path, help="where to put them")
    p.add_argument("--passphrase", action="store_true", help="ask for a passphrase to encrypt them with")
    p = sub.add_parser("build", help="compile the firmware; needs no secret",
                       description="Compile the firmware with mpy-cross: bytecode for all, machine code per chip.")
    p.add_argument("out", type=Path, help="folder for the release")
    p.add_argument("--version", required=True, help="three numbers, like 0.2.0")
    p.add_argument("--keys", type=Path, required=True, help="folder with release.pub and successor.pub, which the "
                   "release is to take its next updates from")
    p.add_argument("--built", type=int, help="Unix time of the build (default: now, or SOURCE_DATE_EPOCH)")
    p = sub.add_parser("sign", help="sign what was built", description="Sign a built release with a release key.")
    p.add_argument("out", type=Path, help="the release's folder")
    p.add_argument("--key", type=Path, required=True, help="the secret key")
    p = sub.add_parser("show", help="check a release and list what is in it")
    p.add_argument("out", type=Path, help="the release's folder")
    p.add_argument("--keys", type=Path, required=True, help="folder with the public keys to check it by")
    p = sub.add_parser("unpack", help="write a release's files as they lie on a device",
                       description="Check a release and write its files into a device's folder as slot a, with boot.py "
                                   "beside it.")
    p.add_argument("out", type=Path, help="the release's folder")
    p.add_argument("folder", type=Path, help="the device's folder")
    p.add_argument("--keys", type=Path, required=True, help="folder with the public keys to check it by")
    p.add_argument("--architecture", choices=build.ARCHITECTURES, default="rv32imc", help="the chip's (default "
                   "%(default)s)")


def run(args) -> int:
    """Run one action."""
    return globals()["_" + args.action](args)


def _passphrase(twice: bool) -> bytes:
    first = getpass.getpass("passphrase: ")
    if twice and getpass.getpass("again: ") != first:
        raise CommandError("the two are not the same")
    return first.encode()


def _key(args):
    args.folder.mkdir(parents=True, exist_ok=True)
    secret = _passphrase(True) if args.passphrase else None
    for name in ("release.key", "successor.key"):
        if (args.folder / name).exists():
            raise CommandError(f"{args.folder / name}: there is a key already; it is not replaced")
    for name in ("release.key", "successor.key"):
        key = release_keys.make_key(args.folder / name, secret)
        print(f"{args.folder / name}  {envelope.kid_text(envelope.kid(release_keys.public_bytes(key)))}")
    return 0


def _public_keys(folder):
    paths = [folder / name for name in ("release.pub", "successor.pub") if (folder / name).exists()]
    if not paths:
        raise CommandError(f"{folder}: no release.pub here (netti release key {folder})")
    return [release_keys.read_public(path) for path in paths]


def _build(args):
    try:
        version_number(args.version)
    except ReleaseError as e:
        raise CommandError(f"--version: {e}") from None
    keys = _public_keys(args.keys)
    if len(keys) < 2:
        raise CommandError(f"{args.keys}: no successor.pub; without a successor a lost key would be the end of updates")
    built = args.built
    if built is None:
        built = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    files = build.compile_all(args.version, built, keys, progress=_progress)
    data = manifest.content(args.version, built, files)
    manifest.write(args.out, data, files)
    size = sum(len(f.data) for f in files if not f.architecture)
    print(f"{args.out}: {args.version}, {len(files)} files, {size} bytes and machine code for "
          + ", ".join(build.ARCHITECTURES))
    print(f"not signed yet: netti release sign {args.out} --key KEY")
    return 0


def _progress(done, of):
    if sys.stderr.isatty():
        print(f"\rcompiling {done} of {of}", end="\n" if done == of else "", file=sys.stderr, flush=True)


def _sign(args):
    data = release_keys.read_file(args.out / "content")
    rows = manifest.check(data)
    wrong = manifest.missing(args.out, rows)
    if wrong:
        raise CommandError(f"{args.out}: {wrong[0]}")
    pem = release_keys.read_file(args.key)
    key = release_keys.read_key(args.key, _passphrase(False) if b"ENCRYPTED" in pem else None)
    (args.out / "manifest").write_bytes(manifest.sign(data, key))
    print(f"{args.out}/manifest: signed by {envelope.kid_text(envelope.kid(release_keys.public_bytes(key)))}")
    return 0


def _checked(args):
    data = manifest.signed_content(args.out, _public_keys(args.keys))
    rows = manifest.check(data)
    wrong = manifest.missing(args.out, rows)
    if wrong:
        raise CommandError(f"{args.out}: {wrong[0]}")
    return data, rows


def _show(args):
    data, rows = _checked(args)
    head, _ = read_head(data, 0)
    print(f"version {head[0]}, built {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(head[1]))}, signature good")
    for path, size, digest, architecture in rows:
        print(f"{size:>7}  {digest.hex()[:16]}  {path}{'  ' + architecture if architecture else ''}")
    return 0


def _unpack(args):
    _, rows = _checked(args)
    slot = args.folder / "slots" / "a"
    if slot.exists():
        raise CommandError(f"{slot}: there is a release already")
    count = manifest.unpack(args.out, rows, args.architecture, slot)
    (args.folder / "boot.py").write_bytes(Path(str(boot.__file__)).read_bytes())
    print(f"{args.folder}: boot.py, {count} files in slots/a")
    return 0
