"""Ed25519 (RFC 8032 5.1) in plain Python: what a gateway signs its batches with and checks orders with.

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
    expanded = yield from expand_steps(seed)
    return (yield from _base_times(_scalar(expanded)))


def expand_steps(seed):
    """Generator: the 64 secret bytes a 32-byte seed stands for (RFC 8032 5.1.5), to keep where signing is frequent."""
    return (yield from sha512_steps(seed))


def sign(seed, public, message):
    """The 64-byte signature of `message` (bytes); see sign_steps."""
    return _run(sign_steps(seed, public, message))


def sign_steps(seed, public, message):
    """Generator: yields often, returns the signature of `message` (RFC 8032 5.1.6).

    `seed` is the 32-byte seed or what expand_steps made of it (an eighth faster); `public` must be its own public key:
    signing under another gives the secret away.
    """
    expanded = seed if len(seed) == 64 else (yield from expand_steps(seed))
    nonce = yield from sha512_steps(expanded[32:] + message)
    yield
    nonce = int.from_bytes(nonce, "little") % _L
    r = yield from _base_times(nonce)
    k = yield from sha512_steps(r + public + message)
    yield
    s = (nonce + int.from_bytes(k, "little") % _L * _scalar(expanded)) % _L
    return r + s.to_bytes(32, "little")


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
    k = yield from sha512_steps(r + public + message)
    yield
    k = int.from_bytes(k, "little") % _L
    return (yield from _base_minus(s, k, point[0], point[1])) == r


def _run(steps):
    try:
        while True:
            next(steps)
    except StopIteration as e:
        return e.value


def _scalar(expanded):
    # 5.1.5: the lower half, clamped.
    return int.from_bytes(expanded[:32], "little") & (1 << 254) - 8 | 1 << 254


# --- the field of 2^255 - 19 ----------------------------------------------------------------------------------------
# 2^255 = 19. Folding the high part of a product down once leaves some 264 bits, good for a value that is multiplied
# but once more; folding twice leaves 255 bits and a little. Values are positive and otherwise left unreduced.

def _fold(x):
    x = (x & _M) + 19 * (x >> 255)
    return (x & _M) + 19 * (x >> 255)


def _squarings(x, n):
    for _ in range(n):
        x = _fold(x * x)
        yield
    return x


def _power_252_3(x):
    # x^(2^252 - 3), through exponents 2^n - 1.
    n2 = _fold(_fold(x * x) * x)
    n4 = _fold((yield from _squarings(n2, 2)) * n2)
    n5 = _fold(_fold(n4 * n4) * x)
    n10 = _fold((yield from _squarings(n5, 5)) * n5)
    n20 = _fold((yield from _squarings(n10, 10)) * n10)
    n40 = _fold((yield from _squarings(n20, 20)) * n20)
    n50 = _fold((yield from _squarings(n40, 10)) * n10)
    n100 = _fold((yield from _squarings(n50, 50)) * n50)
    n200 = _fold((yield from _squarings(n100, 100)) * n100)
    n250 = _fold((yield from _squarings(n200, 50)) * n50)
    return _fold((yield from _squarings(n250, 2)) * x)


def _inverse(x):
    # By Euclid: far fewer operations than a power.
    a, b, s, t = _P, x % _P, 0, 1
    while b:
        for _ in range(8):
            if b:
                q = a // b
                a, b = b, a - q * b
                s, t = t, s - q * t
        yield
    return s % _P


# --- points ---------------------------------------------------------------------------------------------------------
# Extended coordinates X, Y, Z, T with x = X/Z, y = Y/Z, T = XY/Z, and the complete formulas of Hisil, Wong, Carter and
# Dawson 2008, 3.1 and 3.3, for a = -1. They end in the four factors E, F, G, H: X = EF, Y = GH, Z = FG and T = EH,
# and T is left out where a doubling follows. An entry is what is added: y + x, y - x, 2dxy, or with a Z of its own
# Y + X, Y - X, 2dT, 2Z.

_AWAY = _P << 12  # above any value folded once: added before a subtraction, it keeps the result positive
_LITTLE = _P << 2  # the same for a value folded twice


def _double(x, y, z):
    m = _M
    n = x * x
    a = (n & m) + 19 * (n >> 255)
    n = y * y
    b = (n & m) + 19 * (n >> 255)
    n = x + y
    n *= n
    h = a + b
    e = h + _AWAY - (n & m) - 19 * (n >> 255)
    g = a + _AWAY - b
    n = 2 * z * z
    return e, (n & m) + 19 * (n >> 255) + g, g, h


def _add(x, y, z, t, entry):
    m = _M
    n = (y + _LITTLE - x) * entry[1]
    a = (n & m) + 19 * (n >> 255)
    n = (y + x) * entry[0]
    b = (n & m) + 19 * (n >> 255)
    n = t * entry[2]
    c = (n & m) + 19 * (n >> 255)
    z = _fold(z * entry[3]) if len(entry) == 4 else z + z
    return b + _AWAY - a, z + _AWAY - c, z + c, b + a


def _comb_entry(n, i):
    # The entry for the digits i, i + 64, i + 128 and i + 192 of a scalar; n holds 1 for each digit 1, 0 for each -1.
    n >>= i & 63
    top = n >> 192 & 1
    n = n & 1 | n >> 63 & 2 | n >> 126 & 4
    at = 96 * (n if top else 7 - n) + (768 if i & 32 else 0)
    plus = int.from_bytes(COMB[at:at + 32], "little")
    minus = int.from_bytes(COMB[at + 32:at + 64], "little")
    t2 = int.from_bytes(COMB[at + 64:at + 96], "little")
    return (plus, minus, t2) if top else (minus, plus, _P - t2)


def _signs(s):
    # The scalar s < 2^255 (or s + L, to be odd) with 256 digits 1 and -1.
    return (s if s & 1 else s + _L) + (1 << 256) - 1 >> 1


def _base_times(s):
    # The encoding of s B.
    signs = _signs(s)
    x, y, z, t = 0, 1, 1, 0
    for i in range(31, -1, -1):
        if i < 31:
            e, f, g, h = _double(x, y, z)
            x, y, z, t = _fold(e * f), _fold(g * h), _fold(f * g), _fold(e * h)
            yield
        e, f, g, h = _add(x, y, z, t, _comb_entry(signs, i + 32))
        x, y, z, t = _fold(e * f), _fold(g * h), _fold(f * g), _fold(e * h)
        yield
        e, f, g, h = _add(x, y, z, t, _comb_entry(signs, i))
        x, y, z = _fold(e * f), _fold(g * h), _fold(f * g)
        yield
    return (yield from _encode(x, y, z))


def _base_minus(s, k, ax, ay):
    # The encoding of s B - k A: B by the comb beside the last 32 doublings, A by odd digits -7..7, five bits apart on
    # the average.
    x, y, z, t = _P - ax, ay, 1, _fold((_P - ax) * ay)
    odd = [(y + x, y + _LITTLE - x, _fold(t * _2D), 2)]
    e, f, g, h = _double(x, y, z)
    x, y, z, t = _fold(e * f), _fold(g * h), _fold(f * g), _fold(e * h)
    yield
    twice = y + x, y + _LITTLE - x, _fold(t * _2D), 2 * z
    x, y, z, t = _P - ax, ay, 1, _fold((_P - ax) * ay)
    yield
    for _ in range(3):
        e, f, g, h = _add(x, y, z, t, twice)
        x, y, z, t = _fold(e * f), _fold(g * h), _fold(f * g), _fold(e * h)
        yield
        odd.append((y + x, y + _LITTLE - x, _fold(t * _2D), 2 * z))
        yield
    digits = bytearray(256)  # 8 + digit, or 0
    i = 0
    while k:
        if k & 1:
            digits[i] = (k & 15 ^ 8)
            k -= digits[i] - 8
            yield
        k >>= 1
        i += 1
    signs = _signs(s)
    x, y, z, t = 0, 1, 1, 0
    for i in range(255, -1, -1):
        e, f, g, h = _double(x, y, z)
        x, y, z, t = _fold(e * f), _fold(g * h), _fold(f * g), _fold(e * h)
        entries = []
        n = digits[i]
        if n > 8:
            entries.append(odd[n - 8 >> 1])
        elif n:
            plus, minus, t2, z2 = odd[8 - n >> 1]
            entries.append((minus, plus, _LITTLE - t2, z2))
        if i < 32:
            yield
            entries.append(_comb_entry(signs, i + 32))
            entries.append(_comb_entry(signs, i))
        for entry in entries:
            yield
            e, f, g, h = _add(x, y, z, t, entry)
            x, y, z, t = _fold(e * f), _fold(g * h), _fold(f * g), _fold(e * h)
        yield
    return (yield from _encode(x, y, z))


def _encode(x, y, z):
    # 5.1.2: y, and the lowest bit of x on top.
    yield
    z = yield from _inverse(z)
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
    yield
    root = (yield from _power_252_3(_fold(_fold(_fold(v3 * v3) * v) * u)))
    yield
    x = _fold(_fold(u * v3) * root)
    check = _fold(_fold(x * x) * v)
    if (check - u) % _P:
        if (check + u) % _P:
            return None
        x = x * _ROOT
    x %= _P
    # x = 0 is of small order, so there is always the other root.
    return (x if x & 1 == sign else _P - x), y
