"""Our Ed25519 and SHA-512 against `cryptography` and hashlib, on anything hypothesis thinks of."""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware.crypto import ed25519
from firmware.crypto.sha512 import sha512_steps

seeds = st.binary(min_size=32, max_size=32)
L = (1 << 252) + 27742317777372353535851937790883648493
P = (1 << 255) - 19


@given(st.binary(max_size=600))
def test_sha_512_is_hashlibs(data):
    assert ed25519._run(sha512_steps(data)) == hashlib.sha512(data).digest()


@settings(max_examples=300)
@given(seeds, st.binary(max_size=300))
@example(b"\x00" * 32, b"")
@example(b"\xff" * 32, b"\xff" * 129)
def test_keys_and_signatures_are_byte_for_byte_theirs(seed, message):
    theirs = Ed25519PrivateKey.from_private_bytes(seed)
    public = theirs.public_key().public_bytes_raw()
    assert ed25519.public_key(seed) == public
    signature = ed25519.sign(seed, public, message)
    assert signature == theirs.sign(message)
    assert ed25519.verify(public, message, signature)


@settings(max_examples=150)
@given(seeds, st.binary(max_size=64), st.integers(0, 511), st.booleans())
def test_both_refuse_the_same_flipped_bits(seed, message, at, in_key):
    theirs = Ed25519PrivateKey.from_private_bytes(seed)
    public = bytearray(theirs.public_key().public_bytes_raw())
    signature = bytearray(theirs.sign(message))
    target = public if in_key else signature
    at %= 8 * len(target)
    target[at >> 3] ^= 1 << (at & 7)
    try:
        Ed25519PublicKey.from_public_bytes(bytes(public)).verify(bytes(signature), message)
        good = True
    except (InvalidSignature, ValueError):
        good = False
    assert good is False
    assert ed25519.verify(bytes(public), message, bytes(signature)) is False


@settings(max_examples=200)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64), st.binary(max_size=32))
def test_any_bytes_get_an_answer(public, signature, message):
    assert ed25519.verify(public, message, signature) is False


@given(st.one_of(st.sampled_from([0, 1, 2, 3, L - 1, L - 2, 1 << 252, (1 << 253) - 1]), st.integers(0, L - 1)))
def test_multiples_of_the_base_point_at_the_edges(scalar):
    """Nonces nobody can provoke: checked against repeated doubling in affine coordinates."""
    def add(p, q):
        t = ed25519._D * p[0] * q[0] * p[1] * q[1] % P
        return ((p[0] * q[1] + q[0] * p[1]) * pow(1 + t, -1, P) % P,
                (p[1] * q[1] + p[0] * q[0]) * pow(1 - t, -1, P) % P)

    power = (0x216936D3CD6E53FEC0A4E231FDD6DC5C692CC7609525A7B2C9562D608F25D51A, 4 * pow(5, -1, P) % P)
    want, n = (0, 1), scalar
    while n:
        if n & 1:
            want = add(want, power)
        power = add(power, power)
        n >>= 1
    assert ed25519._run(ed25519._base_times(scalar)) == (want[1] | (want[0] & 1) << 255).to_bytes(32, "little")
