"""Ed25519 (RFC 8032 5.1) in plain Python: what a gateway signs its batches with and checks commands with.

Generators that yield between small steps, so that a signature never holds the loop longer than a radio can buffer.
Signatures are byte for byte those of any other implementation. Refused beyond the letter of the RFC: points not in
their one encoding and points of small order, as key or as R; S must be below L (5.1.7).

Not constant-time: big integers are not. A thief of timings would need to sit in the device, beside the seed itself.
"""

from .ed25519_table import COMB
from .sha512 import sha512_steps

_P = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFED  # 2^255 - 19
_M = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF  # 2^255 - 1
_L = 0x1000000000000000000000000000000014DEF9DEA2F79CD65812631A5CF5D3ED  # order of the base point
_D = 0x52036CEE2B6FFE738CC740797779E89800700A4D4141D8AB75EB4DCA135978A3  # -121665 / 121666
_2D = 0x2406D9DC56DFFCE7198E80F2EEF3D13000E0149A8283B156EBD69B9426B2F159
_ROOT = 0x2B8324804FC1DF0B2B4D00993DFBD7A72F431806AD2FE478C4EE1B274A0EA0B0  # square root of -1
# y of the 8 points whose order divides 8 (x and -x share one).
_SMALL = (0, 1, 0x5FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
          0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
          0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEC)


def public_key(seed):
    """The 32-byte public key of a 32-byte secret seed."""
    return _run(public_key_steps(seed))


def public_key_steps(seed):
    """Generator of public_key."""
    secret, _ = yield from _expand(seed)
    return (yield from _base_times(secret))


def sign(seed, public, message):
    """The 64-byte signature of `message` (bytes); `public` must be the seed's own public key."""
    return _run(sign_steps(seed, public, message))


def sign_steps(seed, public, message):
    """Generator of sign: yields often, returns the signature (RFC 8032 5.1.6)."""
    secret, prefix = yield from _expand(seed)
    nonce = int.from_bytes((yield from sha512_steps(prefix + message)), "little") % _L
    r = yield from _base_times(nonce)
    k = int.from_bytes((yield from sha512_steps(r + public + message)), "little") % _L
    return r + ((nonce + k * secret) % _L).to_bytes(32, "little")


def verify(public, message, signature):
    """Whether the 64-byte `signature` of `message` is that of the 32-byte `public` key. Never raises on its input."""
    return _run(verify_steps(public, message, signature))


def verify_steps(public, message, signature):
    """Generator of verify: yields often, returns True or False (RFC 8032 5.1.7, without the cofactor)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    r = signature[:32]
    s = int.from_bytes(signature[32:], "little")
    if s >= _L or int.from_bytes(r, "little") & _M in _SMALL:
        return False
    point = yield from _decode(public)
    if point is None:
        return False
    k = int.from_bytes((yield from sha512_steps(r + public + message)), "little") % _L
    return (yield from _encode((yield from _base_minus(s, k, point)))) == r


def _run(steps):
    try:
        while True:
            next(steps)
    except StopIteration as e:
        return e.value


def _expand(seed):
    # 5.1.5: the clamped secret scalar and the prefix.
    digest = yield from sha512_steps(seed)
    return int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254, digest[32:]


# --- the field of 2^255 - 19 ----------------------------------------------------------------------------------------
# 2^255 = 19: folding the high part down twice leaves 255 bits and a little. Values are kept positive, below 2^257.

def _fold(x):
    x = (x & _M) + 19 * (x >> 255)
    return (x & _M) + 19 * (x >> 255)


def _squarings(x, n):
    for _ in range(n):
        x = _fold(x * x)
        yield
    return x


def _power_252_3(x):
    # x^(2^252 - 3) by the usual chain of 2^n - 1 exponents; also returns x^(2^250 - 1) for the inverse.
    x2 = _fold(x * x)
    x9 = _fold(x * (yield from _squarings(x2, 2)))
    x11 = _fold(x9 * x2)
    n5 = _fold(_fold(x11 * x11) * x9)
    n10 = _fold((yield from _squarings(n5, 5)) * n5)
    n20 = _fold((yield from _squarings(n10, 10)) * n10)
    n40 = _fold((yield from _squarings(n20, 20)) * n20)
    n50 = _fold((yield from _squarings(n40, 10)) * n10)
    n100 = _fold((yield from _squarings(n50, 50)) * n50)
    n200 = _fold((yield from _squarings(n100, 100)) * n100)
    n250 = _fold((yield from _squarings(n200, 50)) * n50)
    return _fold((yield from _squarings(n250, 2)) * x), _fold((yield from _squarings(n250, 5)) * x11)


# --- points: extended coordinates X, Y, Z, T with x = X/Z, y = Y/Z, T = XY/Z; a table entry is y + x, y - x, 2dxy ----

_4P = 4 * _P  # added before a subtraction to stay positive


def _double(x, y, z):
    # Hisil et al. 2008, 3.3, all signs turned (a = -1).
    a = _fold(x * x)
    b = _fold(y * y)
    h = a + b
    e = h + _4P - _fold((x + y) * (x + y))
    g = a + _4P - b
    f = _fold(2 * z * z) + g
    return _fold(e * f), _fold(g * h), _fold(f * g), _fold(e * h)


def _add(x, y, z, t, yp, ym, t2):
    # 3.1 with Z2 = 1.
    a = _fold((y + _4P - x) * ym)
    b = _fold((y + x) * yp)
    c = _fold(t * t2)
    z += z
    e = b + _4P - a
    f = z + _4P - c
    g = z + c
    h = b + a
    return _fold(e * f), _fold(g * h), _fold(f * g), _fold(e * h)


def _comb(n):
    # The table entry n (1..15).
    at = 96 * n - 96
    return (int.from_bytes(COMB[at:at + 32], "little"), int.from_bytes(COMB[at + 32:at + 64], "little"),
            int.from_bytes(COMB[at + 64:at + 96], "little"))


def _column(s, i):
    # Bits i, i + 64, i + 128, i + 192 of a scalar: the comb's entry.
    s >>= i
    return s & 1 | (s >> 63 & 2) | (s >> 126 & 4) | (s >> 189 & 8)


def _base_times(s):
    # The encoding of s B.
    x, y, z, t = 0, 1, 1, 0
    for i in range(63, -1, -1):
        x, y, z, t = _double(x, y, z)
        yield
        n = _column(s, i)
        if n:
            yp, ym, t2 = _comb(n)
            x, y, z, t = _add(x, y, z, t, yp, ym, t2)
            yield
    return (yield from _encode((x, y, z)))


def _base_minus(s, k, point):
    # s B - k A for a point A = (x, y): A bit by bit, B by the comb in the last 64 doublings.
    ax, ay = _P - point[0], point[1]
    yp, ym, t2 = ay + ax, ay + _P - ax, _fold(_fold(ax * ay) * _2D)
    x, y, z, t = 0, 1, 1, 0
    for i in range(252, -1, -1):
        x, y, z, t = _double(x, y, z)
        yield
        if k >> i & 1:
            x, y, z, t = _add(x, y, z, t, yp, ym, t2)
            yield
        n = _column(s, i) if i < 64 else 0
        if n:
            bp, bm, b2 = _comb(n)
            x, y, z, t = _add(x, y, z, t, bp, bm, b2)
            yield
    return x, y, z


def _encode(point):
    # 5.1.2: y, and the lowest bit of x on top.
    x, y, z = point
    z = (yield from _power_252_3(z))[1]
    x = x * z % _P
    y = y * z % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decode(data):
    # 5.1.3: the affine point, or None if it is none, not in its one encoding, or of small order.
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= _M
    if y >= _P or y in _SMALL:
        return None
    u = _fold(y * y)
    v = _fold(_D * u) + 1
    u += _P - 1
    v3 = _fold(_fold(v * v) * v)
    root = (yield from _power_252_3(_fold(_fold(_fold(v3 * v3) * v) * u)))[0]
    x = _fold(_fold(u * v3) * root)
    check = _fold(_fold(x * x) * v)
    if (check - u) % _P:
        if (check + u) % _P:
            return None
        x = x * _ROOT
    x %= _P
    # x = 0 is of small order, so there is always the other root.
    return (x if x & 1 == sign else _P - x), y
