"""Ed25519 and SHA-512 in plain Python: the vectors of the standards, and what must be refused. Both runtimes."""

from firmware.crypto import ed25519
from firmware.crypto.ed25519_table import COMB
from firmware.crypto.sha512 import sha512_steps

P = (1 << 255) - 19
L = (1 << 252) + 27742317777372353535851937790883648493

# RFC 8032 7.1: seed, public key, message, signature (TEST 1, 2, 3, SHA(abc)).
VECTORS = (
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
     "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
     "55141438e7a100b"),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
     "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb"
     "00d291612bb0c00"),
    ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
     "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc"
     "027beceea1ec40a"),
    ("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2"
     "a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad"
     "9bef1177331a704"),
)

# RFC 8032 5.1.
BASE_X = bytes.fromhex("216936d3cd6e53fec0a4e231fdd6dc5c692cc7609525a7b2c9562d608f25d51a")

SEED = bytes(range(32))


def run(steps):
    """Drive a generator; returns (its value, how many steps)."""
    n = 0
    while True:
        try:
            next(steps)
        except StopIteration as e:
            return e.value, n
        n += 1


def test_sha_512_of_fips_180_4():
    # The two examples of FIPS 180-4 and the empty message.
    long = (b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
            b"hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu")
    for message, digest in (
            (b"abc", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"),
            (long, "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
                   "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"),
            (b"", "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
                  "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e")):
        assert run(sha512_steps(message))[0] == bytes.fromhex(digest)


def test_vectors_of_rfc_8032():
    for texts in VECTORS:
        seed, public, message, signature = [bytes.fromhex(t) for t in texts]
        assert ed25519.public_key(seed) == public
        assert ed25519.sign(seed, public, message) == signature
        assert ed25519.verify(public, message, signature)


def test_signing_and_verifying_step():
    public = ed25519.public_key(SEED)
    signature, steps = run(ed25519.sign_steps(SEED, public, b"m"))
    assert signature == ed25519.sign(SEED, public, b"m")
    assert steps > 200
    expanded = run(ed25519.expand_steps(SEED))[0]
    assert len(expanded) == 64 and ed25519.sign(expanded, public, b"m") == signature
    good, steps = run(ed25519.verify_steps(public, b"m", signature))
    assert good is True and steps > 300


def test_anything_flipped_is_refused():
    public = ed25519.public_key(SEED)
    signature = ed25519.sign(SEED, public, b"message")
    for at in range(0, 512, 37):
        bad = bytearray(signature)
        bad[at >> 3] ^= 1 << (at & 7)
        assert not ed25519.verify(public, b"message", bytes(bad))
    for at in range(0, 256, 51):
        bad = bytearray(public)
        bad[at >> 3] ^= 1 << (at & 7)
        assert not ed25519.verify(bytes(bad), b"message", signature)
    assert not ed25519.verify(public, b"messagf", signature)
    assert not ed25519.verify(ed25519.public_key(bytes(32)), b"message", signature)


def test_wrong_lengths_are_refused():
    public = ed25519.public_key(SEED)
    signature = ed25519.sign(SEED, public, b"")
    assert not ed25519.verify(public[:31], b"", signature)
    assert not ed25519.verify(public + b"\0", b"", signature)
    assert not ed25519.verify(public, b"", signature[:63])
    assert not ed25519.verify(public, b"", signature + b"\0")
    assert not ed25519.verify(b"", b"", b"")


def test_s_not_below_the_order_is_refused():
    """The same signature with S + L would pass the equation: that it is refused makes a signature unique."""
    public = ed25519.public_key(SEED)
    signature = ed25519.sign(SEED, public, b"m")
    s = int.from_bytes(signature[32:], "little")
    assert s + L < 1 << 256
    for more in range(1, 8):
        assert not ed25519.verify(public, b"m", signature[:32] + (s + more * L).to_bytes(32, "little"))


SMALL_Y = (0, 1, 0x5FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
           0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7, P - 1)


def small_order_forgeries():
    """Keys of small order A, with R = s B: 'signatures' nobody made, of any message whose k A is the identity."""
    r = ed25519.public_key(SEED)
    digest = run(sha512_steps(SEED))[0]
    s = (int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254) % L
    for y in SMALL_Y:
        a = y.to_bytes(32, "little")
        for n in range(64):
            message = bytes((n,))
            if int.from_bytes(run(sha512_steps(r + a + message))[0], "little") % L % 8 == 0:
                yield a, message, r + s.to_bytes(32, "little")
                break


def test_points_of_small_order_are_refused():
    forged = list(small_order_forgeries())
    assert len(forged) == 5
    for public, message, signature in forged:
        assert not ed25519.verify(public, message, signature)
    # Known-bad: without the list of small orders at least the keys with an x are taken.
    small, ed25519._SMALL = ed25519._SMALL, ()
    try:
        taken = [ed25519.verify(p, m, s) for p, m, s in forged]
    finally:
        ed25519._SMALL = small
    assert sum(taken) >= 3
    public = ed25519.public_key(SEED)
    for y in SMALL_Y:
        for form in (y, y | 1 << 255):
            assert not ed25519.verify(public, b"m", form.to_bytes(32, "little") + bytes(32))
            assert run(ed25519._decode(form.to_bytes(32, "little")))[0] is None


def test_encodings_that_are_not_the_one_are_refused():
    # y + P for a y of a real point below 19 names the same point a second way.
    for y in range(2, 19):
        for sign in (0, 1):
            other = (y + P | sign << 255).to_bytes(32, "little")
            assert run(ed25519._decode(other))[0] is None
    # Known-good: some of them are points in their own encoding.
    assert [y for y in range(2, 19) if run(ed25519._decode(y.to_bytes(32, "little")))[0] is not None]


def test_the_base_table_is_the_base_point():
    """Entry n of a half is 2^192 B and 2^(64 i) B added or subtracted: recomputed by affine addition."""
    d = ed25519._D
    assert (d * 121666 + 121665) % P == 0 and 2 * d % P == ed25519._2D and (ed25519._ROOT ** 2 + 1) % P == 0

    def add(p, q):
        t = d * p[0] * q[0] * p[1] * q[1] % P
        return ((p[0] * q[1] + q[0] * p[1]) * pow(1 + t, P - 2, P) % P,
                (p[1] * q[1] + p[0] * q[0]) * pow(1 - t + P, P - 2, P) % P)

    def entry(n):
        plus, minus, t2 = [int.from_bytes(COMB[i:i + 32], "little") for i in range(96 * n, 96 * n + 96, 32)]
        half = (P + 1) // 2
        point = (plus - minus) * half % P, (plus + minus) * half % P
        assert t2 == 2 * d * point[0] * point[1] % P
        return point

    assert len(COMB) == 16 * 96
    y = 4 * pow(5, P - 2, P) % P  # RFC 8032 5.1: y = 4/5, x even
    power = [(int.from_bytes(BASE_X, "big"), y)]
    x = power[0][0]
    assert x & 1 == 0 and (y * y - x * x - 1 - d * x * x * y * y) % P == 0
    for _ in range(224):
        power.append(add(power[-1], power[-1]))
    for n in range(16):
        offset = 32 * (n >> 3)
        point = power[192 + offset]
        for i in range(3):
            x, y = power[64 * i + offset]
            point = add(point, (x, y) if n >> i & 1 else (P - x, y))
        assert entry(n) == point
