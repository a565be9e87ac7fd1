"""SHA-512 (FIPS 180-4) in plain Python: MicroPython has SHA-256 only, and Ed25519 needs this one.

A generator that yields every few rounds, so that whoever runs the radio is not held. On MicroPython the cost is the
number of big-integer operations, not their width: rotations are taken from a word written twice side by side, and
only what is kept is cut back to 64 bits.
"""

from .sha512_table import INITIAL, ROUND

_MASK = 0xFFFFFFFFFFFFFFFF
_TWICE = 0x10000000000000001  # word * _TWICE: the word beside itself, so that a shift is a rotation
_ROUNDS_PER_STEP = 4


def sha512_steps(data):
    """Generator: yields between small steps, returns the 64-byte digest of `data` (bytes)."""
    size = len(data)
    # 5.1.2: a one bit, zeros, the length in bits.
    data = data + b"\x80" + bytes(-(size + 17) % 128) + (8 * size).to_bytes(16, "big")
    state = [int.from_bytes(INITIAL[i:i + 8], "big") for i in range(0, 64, 8)]
    for start in range(0, len(data), 128):
        w = [int.from_bytes(data[i:i + 8], "big") for i in range(start, start + 128, 8)]
        a, b, c, d, e, f, g, h = state
        bc = b ^ c
        yield
        for t in range(80):
            i = t & 15
            x = w[i]
            if t > 15:
                y = w[t - 15 & 15]
                z = w[t - 2 & 15]
                x += w[t - 7 & 15] + (y >> 7 ^ (y * _TWICE >> 1) ^ (y * _TWICE >> 8))
                y = z * _TWICE
                x = x + (z >> 6 ^ y >> 19 ^ y >> 61) & _MASK
                w[i] = x
            y = e * _TWICE
            x += h + (y >> 14 ^ y >> 18 ^ y >> 41) + (g ^ e & (f ^ g)) + int.from_bytes(ROUND[8 * t:8 * t + 8], "big")
            h = g
            g = f
            f = e
            e = d + x & _MASK
            y = a * _TWICE
            d = c
            c = b
            # Majority of a, b, c is b ^ ((a ^ b) & (b ^ c)); a ^ b serves as the next round's b ^ c.
            z = a ^ b
            x += (y >> 28 ^ y >> 34 ^ y >> 39) + (b ^ z & bc)
            b = a
            a = x & _MASK
            bc = z
            if t % _ROUNDS_PER_STEP == _ROUNDS_PER_STEP - 1:
                yield
        state = [x + y & _MASK for x, y in zip(state, (a, b, c, d, e, f, g, h))]
    return b"".join([x.to_bytes(8, "big") for x in state])
