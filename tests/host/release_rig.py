"""What the tests of releases share: a signed release of two small files, a receiver that offers it."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from netti_tools.release import build, manifest
from receiver_support import NOW

from firmware.wire import cbor, envelope

KEY = Ed25519PrivateKey.generate()


def made(folder, version):
    """A signed release of two small files."""
    files = [build.File("firmware/main.mpy", b"M\x06 one " + version.encode(), ""),
             build.File("wmbus/_fast.mpy", b"M\x06 fast", "rv32imc")]
    data = manifest.content(version, NOW, files)
    manifest.write(folder / version, data, files)
    (folder / version / "manifest").write_bytes(manifest.sign(data, KEY))
    return folder / version


def do(receiver, what, *arguments):
    """Call something of the running receiver's releases, in its loop."""
    async def run():
        return getattr(receiver.receiver.office.releases, what)(*arguments)
    return receiver.run(run())


def told(receiver, gateway, firmware="0.1.0"):
    """The update commands in the answer to a batch of a gateway that runs a version."""
    answer = receiver.send(gateway.sign(envelope.head(gateway.epoch, 1, firmware, 2, 0, 0)))
    assert answer.status == 200, answer.text
    commands = [cbor.decode_all(c[envelope.open_envelope(c, "command", "works").end:])
                for c in envelope.open_answer(answer.body).commands]
    return [(c[3], c[4]["version"], c[4]["url"]) for c in commands]
