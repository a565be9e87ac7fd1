"""SHA-512 (FIPS 180-4) in plain Python: MicroPython has SHA-256 only, and Ed25519 needs this one.

A generator that yields every few rounds, so that whoever runs the radio is not held. On MicroPython the cost is the
number of big-integer operations, not their width: rotations are taken from a word written twice side by side, and
only what is kept is cut back to 64 bits.
"""

import struct

from .sha512_table import INITIAL, ROUND

_MASK = 0xFFFFFFFFFFFFFFFF
_TWICE = 0x10000000000000001  # word * _TWICE: the word beside itself, so that a shift is a rotation


def sha512_steps(data):
    """Generator: yields between small steps, returns the 64-byte digest of `data` (bytes)."""
    size = len(data)
    # 5.1.2: a one bit, zeros, the length in bits.
    data = data + b"\x80" + bytes(-(size + 17) % 128) + (8 * size).to_bytes(16, "big")
    state = struct.unpack(">8Q", INITIAL)
    for start in range(0, len(data), 128):
        yield
        w = list(struct.unpack_from(">16Q", data, start))
        working = state
        for t in range(0, 80, 4):
            if t > 15:
                _schedule(w, t & 15)
                yield
            working = _rounds(working, w, t)
            yield
        state = tuple([x + y & _MASK for x, y in zip(state, working)])
    yield
    return struct.pack(">8Q", state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7])


def _schedule(w, first):
    # 6.2.2 step 1 for the four words from `first` of the ring of 16; a negative index is 16 words on.
    twice = _TWICE
    for i in range(first, first + 4):
        y = w[i - 15]
        z = y * twice
        s0 = y >> 7 ^ z >> 1 ^ z >> 8
        y = w[i - 2]
        z = y * twice
        w[i] = w[i] + s0 + w[i - 7] + (y >> 6 ^ z >> 19 ^ z >> 61) & _MASK


def _rounds(working, w, t):
    # Step 3 for the four rounds from t.
    a, b, c, d, e, f, g, h = working
    mask = _MASK
    twice = _TWICE
    i = t & 15
    bc = b ^ c
    for k in struct.unpack_from(">4Q", ROUND, 8 * t):
        y = e * twice
        x = w[i] + k + h + (y >> 14 ^ y >> 18 ^ y >> 41) + (g ^ e & (f ^ g))
        i += 1
        h = g
        g = f
        f = e
        e = d + x & mask
        y = a * twice
        d = c
        c = b
        # The majority of a, b, c is b ^ ((a ^ b) & (b ^ c)); a ^ b serves as the next round's b ^ c.
        ab = a ^ b
        x += (y >> 28 ^ y >> 34 ^ y >> 39) + (b ^ ab & bc)
        b = a
        a = x & mask
        bc = ab
    return a, b, c, d, e, f, g, h
