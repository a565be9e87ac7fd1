"""Damaged HAN bytes, and an independent judge of what may be read from them, for the tests and bench/fuzz_han.py."""

import han_vectors as v

KINDS = ("flip", "cut", "head", "drop", "double", "garbage", "flag inside", "two", "shared flag", "splice", "edges",
         "content", "zeros")
EDGES = bytes((0x00, 0x01, 0x02, 0x06, 0x09, 0x0A, 0x0F, 0x12, 0x16, 0x21, 0x28, 0x29, 0x2A, 0x2F, 0x68, 0x7E, 0x7F,
               0x80, 0x81, 0x82, 0xA0, 0xA8, 0xAF, 0xDB, 0xDD, 0xE0, 0xE6, 0xE7, 0xFF))


def own():
    """Messages of the tests' encoder, of every dialect and framing."""
    lists = (v.aidon(1), v.aidon(2), v.aidon(3), v.kaifa(1), v.kaifa(3), v.kamstrup(1), v.kamstrup(2, phases=1))
    out = [v.frame(v.LLC + apdu) for apdu in lists]
    out += [v.segments(v.aidon(3), 120), v.segments(v.aidon(3), 120, counting=True)]
    out += [b"".join(parts) for parts in (v.blocks(v.aidon(3), 120), v.long_frames(v.aidon(2), 100),
                                          v.long_frames(v.kaifa(1), 100))]
    out += [v.telegram(v.P1_LINES), v.telegram(v.P1_OLD, crc_digits=False),
            v.telegram(v.P1_LINES[2:], crc_digits=False, end="\n"), v.LLC + v.kamstrup(2), v.kaifa(2)]
    return out


def mutant(rng, pool):
    """(kind, bytes): one mutated message of the pool."""
    data = bytearray(rng.choice(pool))
    kind = rng.choice(KINDS)
    at = rng.randrange(len(data))
    if kind == "flip":
        for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del data[at:]
    elif kind == "head":
        del data[:at]
    elif kind == "drop":
        del data[at:at + rng.choice((1, 1, 2, 16))]
    elif kind == "double":
        data[at:at] = data[at:at + rng.choice((1, 1, 2, 40))]
    elif kind == "garbage":
        data[0:0] = bytes([rng.randrange(256) for _ in range(rng.randrange(1, 60))])
    elif kind == "flag inside":
        data[at] = 0x7E
    elif kind == "two":
        data += rng.choice(pool)
    elif kind == "shared flag":
        data = data[:-1] + rng.choice(pool)
    elif kind == "splice":
        other = rng.choice(pool)
        data[at:] = other[rng.randrange(len(other)):]
    elif kind == "edges":
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.choice(EDGES)
    elif kind == "zeros":
        data[at:at + rng.randrange(1, 30)] = bytes(rng.randrange(1, 30))
    else:
        content(rng, data)
    return kind, bytes(data)


def content(rng, data):
    """Change what a message says and make its checks right again, where it has a form we know."""
    if len(data) < 20:
        return
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(12, len(data) - 3)
        data[at] = rng.choice(EDGES) if rng.random() < 0.6 else rng.randrange(256)
    if data[0] == 0x7E:
        data[-3:-1] = v.x25(bytes(data[1:-3]))
    elif data[0] == 0x68:
        size = data[1] + 6
        if len(data) >= size:
            data[size - 2] = sum(data[4:size - 2]) & 0xFF
    elif data[0] == 0x2F:
        mark = data.rfind(b"!")
        if mark > 0:
            data[mark + 1:] = b"%04X\r\n" % v.crc(bytes(data[:mark + 1]), 0xA001, 0)


def vouched(message):
    """Whether every check of a message a reader gave is right, by arithmetic that shares nothing with the reader."""
    at = 0
    if message[:1] == b"/":
        mark = message.rfind(b"!")
        digits = message[mark + 1:]
        return not digits or int(digits, 16) == v.crc(message[:mark + 1], 0xA001, 0)
    while at < len(message):
        if message[at] == 0x7E:
            size = ((message[at + 1] & 7) << 8 | message[at + 2]) + 2
            one = message[at:at + size]
            if len(one) != size or one[-1] != 0x7E or v.x25(one[1:-3]) != one[-3:-1]:
                return False
            head = 3
            for _ in range(2):
                while not one[head] & 1:
                    head += 1
                head += 1
            if v.x25(one[1:head + 1]) != one[head + 1:head + 3]:
                return False
        elif message[at] == 0x68:
            size = message[at + 1] + (256 if message[at + 1] < 5 else 0) + 6
            one = message[at:at + size]
            if len(one) != size or one[-1] != 0x16 or sum(one[4:-2]) & 0xFF != one[-2]:
                return False
        else:
            return False
        at += size
    return True
