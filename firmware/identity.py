"""Who this gateway is: an Ed25519 key pair made on the device, and the id that follows from it.

The seed is the hash of everything unpredictable at hand (the system's generator, the timing of a loop, the radio's
noise, the flashing tool's random): it is as good as the best of them. identity.json is the owner's only to read.
"""

import hashlib
import json
from collections import namedtuple

Identity = namedtuple("Identity", ("seed", "public_key", "kid", "gateway"))


def make(sources):
    """A new identity from any number of byte strings, at least one of them unpredictable."""
    h = hashlib.sha256(b"netti identity")
    for source in sources:
        h.update(len(source).to_bytes(4, "big"))
        h.update(source)
    return of_seed(h.digest())


def of_seed(seed):
    """The identity of a 32-byte seed."""
    from .crypto import ed25519
    from .wire import envelope  # here, as a device holds on to this module longer than to that one
    public_key = ed25519.public_key(seed)
    return Identity(seed, public_key, envelope.kid(public_key), envelope.gateway_id(public_key))


def dump(identity):
    """The bytes of identity.json."""
    return json.dumps({"seed": identity.seed.hex(), "public_key": identity.public_key.hex(),
                       "gateway": identity.gateway}).encode()


def load(data):
    """The identity in identity.json's bytes. Raises ValueError: a key that does not fit its seed is damage."""
    from .crypto import ed25519
    from .wire import envelope
    try:
        fields = json.loads(data)
        seed, public_key = bytes.fromhex(fields["seed"]), bytes.fromhex(fields["public_key"])
    except (ValueError, KeyError, TypeError):
        raise ValueError("identity.json: damaged")  # noqa: B904
    # Signing under a public key that is not the seed's own would give the seed away.
    if len(seed) != 32 or ed25519.public_key(seed) != public_key or envelope.gateway_id(public_key) != fields.get(
            "gateway"):
        raise ValueError("identity.json: damaged")
    return Identity(seed, public_key, envelope.kid(public_key), envelope.gateway_id(public_key))
