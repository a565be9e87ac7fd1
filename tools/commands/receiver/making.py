"""`netti receiver init`: a works' directory with its settings, CA, key store and first administrator."""

import re
import secrets
from pathlib import Path

from cloud_receiver.data.clock import Clock
from cloud_receiver.office import kek, trust
from cloud_receiver.office.directory import Directory, Settings
from cloud_receiver.office.office import Office

from ...errors import CommandError

ADMINISTRATOR = "admin"


def arguments(sub) -> None:
    """The arguments of init."""
    p = sub.add_parser("init", help="make a receiver: settings, the works' CA, key store")
    p.add_argument("dir", type=Path)
    p.add_argument("--works", default="works", metavar="ID",
                   help="the works' id: a-z, 0-9 and -, 1 to 32 (default: works)")
    p.add_argument("--name", default="", metavar="TEXT", help="the works' name, as people read it")
    p.add_argument("--host", default="localhost", help="name or address gateways reach it at (default: localhost)")
    p.add_argument("--port", type=int, default=8443, help="port gateways reach it at (default: 8443)")


def init(args) -> int:
    """Make it; what is a receiver already is left as it is."""
    directory = Directory(args.dir)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", args.works):
        raise CommandError(f"works id {args.works!r} is not 1 to 32 of a-z, 0-9 and -")
    if not re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", args.host):
        raise CommandError(f"{args.host!r} is no host name or address")
    if not 0 <= args.port < 65536:
        raise CommandError(f"{args.port} is no port")
    if directory.settings_file.exists():
        raise CommandError(f"{args.dir} is a receiver already; nothing was changed")
    directory.path.mkdir(parents=True, exist_ok=True)
    trust.make(directory.ca, args.works, args.name or args.works, args.host)
    password = secrets.token_urlsafe(12)
    keks = kek.all_for(directory.path) or [kek.make(kek.file_of(directory.path))]
    settings = Settings(args.works, args.name or args.works, args.host, args.port)
    with Office(directory, settings) as office:
        office.accounts.put(ADMINISTRATOR, password, Clock().seconds())
    # The settings come last: a directory has them only once everything else is there.
    directory.save(settings)
    print(f"receiver of works {args.works} made in {args.dir}\n"
          f"  gateways will reach it at {settings.url}\n"
          f"  {directory.ca}: the works' CA; keep anchor2.key offline, it replaces the first if that is ever lost\n"
          f"  {keks[0].source}: encrypts the meter keys; keep it, and not with backups of {args.dir}: without it they\n"
          f"  have to be imported anew, with both they lie open (docs/security.md, KEK)\n"
          f"  first administrator: {ADMINISTRATOR}, password {password} (shown this once; see serve --public-name)\n"
          f"next: netti receiver serve {args.dir}, then netti receiver token {args.dir}")
    return 0


ACTIONS = {"init": init}
