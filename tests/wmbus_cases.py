"""Builds wM-Bus telegrams from the standard's words, for the tests of both runtimes: records, security, frames.

Everything here is written independently of the decoder: CRCs bit by bit, CBC and CMAC block by block.
"""

from firmware.port import aes

KEY = bytes(range(16))
CODES = (0x16, 0x0D, 0x0E, 0x0B, 0x1C, 0x19, 0x1A, 0x13, 0x2C, 0x25, 0x26, 0x23, 0x34, 0x31, 0x32, 0x29)

# Volume 12.345 m3, volume at the due date 10.000 m3, due date 2023-12-31, flow 0.120 m3/h, flow temperature 9 degrees.
RECORDS = bytes.fromhex("041339300000" "441310270000" "426cff2c" "023b7800" "015b09")
VALUES = {"total_m3": 12.345, "target_m3": 10.0, "target_date": "2023-12-31", "volume_flow_m3h": 0.12,
          "flow_temperature_c": 9}


def crc(data):
    value = 0
    for byte in data:
        for bit in (7, 6, 5, 4, 3, 2, 1, 0):
            top = (value >> 15 & 1) ^ (byte >> bit & 1)
            value = value << 1 & 0xFFFF
            if top:
                value ^= 0x3D65
    return value ^ 0xFFFF


def big(value):
    return bytes((value >> 8, value & 255))


def little(value):
    return bytes((value & 255, value >> 8))


def maker(letters):
    return little((ord(letters[0]) - 64) << 10 | (ord(letters[1]) - 64) << 5 | ord(letters[2]) - 64)


def address(letters="NET", number="12345678", version=1, kind=7):
    """M, ID, version, type as the DLL has them."""
    digits = bytes.fromhex(number)
    return maker(letters) + bytes((digits[3], digits[2], digits[1], digits[0], version, kind))


def telegram(body, who=None):
    """L, C = SND-NR, address, body."""
    who = who or address()
    return bytes((1 + len(who) + len(body), 0x44)) + who + body


def short(records=RECORDS, access=0x2A, status=0, who=None):
    """Without encryption, short header."""
    return telegram(bytes((0x7A, access, status, 0, 0)) + records, who)


def long(records=RECORDS, meter=None, converter=None):
    """Long header: the meter behind a radio converter."""
    who = meter or address("NET", "87654321", 2, 7)
    head = who[2:6] + who[:2] + who[6:8]
    return telegram(b"\x72" + head + b"\x2a\0\0\0" + records, converter)


def xor(a, b):
    return bytes([x ^ y for x, y in zip(a, b)])


def cbc(key, iv, plain):
    cipher = aes(key)
    out = []
    for at in range(0, len(plain), 16):
        iv = cipher.ecb_encrypt(xor(iv, plain[at:at + 16]))
        out.append(iv)
    return b"".join(out)


def padded(records):
    plain = b"\x2f\x2f" + records
    return plain + b"\x2f" * (-len(plain) % 16)


def mode5(records=RECORDS, key=KEY, access=0x2A, status=0, who=None, tail=b""):
    """Security mode 5 with a short header; `tail` follows in plain."""
    who = who or address()
    plain = padded(records)
    sealed = cbc(key, who + bytes((access,)) * 8, plain)
    return telegram(bytes((0x7A, access, status, len(plain), 5)) + sealed + tail, who)


def ell(body, key=KEY, session=b"\x21\x43\x65\x27", who=None, control=0x20):
    """Extended link layer 8D with AES-CTR over `body` (which begins with a CI)."""
    who = who or address()
    plain = little(crc(body)) + body
    cipher = aes(key)
    stream = b""
    count = 0
    while len(stream) < len(plain):
        stream += cipher.ecb_encrypt(who + bytes((control & 0xED,)) + session + bytes((0, 0, count)))
        count += 1
    return telegram(bytes((0x8D, control, 0x77)) + session + xor(plain, stream), who)


def cmac(key, message):
    cipher = aes(key)

    def double(block):
        value = int.from_bytes(block, "big") << 1
        if value >> 128:
            value = value & (1 << 128) - 1 ^ 0x87
        return value.to_bytes(16, "big")

    subkey = double(cipher.ecb_encrypt(bytes(16)))
    blocks = [message[i:i + 16] for i in range(0, len(message), 16)] or [b""]
    last = blocks.pop()
    if len(last) < 16:
        last += b"\x80" + bytes(15 - len(last))
        subkey = double(subkey)
    state = bytes(16)
    for block in blocks:
        state = cipher.ecb_encrypt(xor(state, block))
    return cipher.ecb_encrypt(xor(xor(state, last), subkey))


def mode7(records=RECORDS, key=KEY, counter=b"\x05\x00\x00\x00", who=None, access=0x2A, status=0):
    """AFL with MAC, security mode 7 behind a short ELL."""
    who = who or address()
    number = who[2:6]
    encryption = cmac(key, b"\0" + counter + number + b"\7" * 7)
    authentication = cmac(key, b"\1" + counter + number + b"\7" * 7)
    plain = padded(records)
    tpl = bytes((0x7A, access, status, len(plain) | 0, 7, 0x10)) + cbc(encryption, bytes(16), plain)
    mcl = 0x25
    mac = cmac(authentication, bytes((mcl,)) + counter + tpl)[:8]
    afl = bytes((0x90, 15)) + little(0x2C00) + bytes((mcl,)) + counter + mac
    return telegram(b"\x8c\x20\x77" + afl + tpl, who)


def mode10(records=RECORDS, key=KEY, counter=b"\x05\x00\x00\x00", who=None, access=0x2A, status=0):
    """Security mode 10: AES-CCM (RFC 3610) over the records, tag of 8 bytes."""
    who = who or address()
    cipher = aes(cmac(key, b"\0" + counter + who[2:6] + b"\7" * 7))
    nonce = who + b"\0" + bytes((counter[3], counter[2], counter[1], counter[0]))
    header = bytes((0x7A, access, status, 0xFF, 0x0A, 0x10, 0x01))
    state = cipher.ecb_encrypt(b"\x59" + nonce + big(len(records)))
    for part in (big(len(header)) + header, records):
        part += bytes(-len(part) % 16)
        for at in range(0, len(part), 16):
            state = cipher.ecb_encrypt(xor(state, part[at:at + 16]))
    stream = b""
    for i in range(1 + (len(records) + 15) // 16):
        stream += cipher.ecb_encrypt(b"\x01" + nonce + big(i))
    sealed = xor(stream[16:], records) + xor(stream[:8], state[:8])
    return telegram(header + counter + sealed, who)


def frame_a(telegram):
    """A frame of format A: the first block is 10 bytes, the others 16."""
    out = telegram[:10] + big(crc(telegram[:10]))
    for at in range(10, len(telegram), 16):
        block = telegram[at:at + 16]
        out += block + big(crc(block))
    return out


def frame_b(telegram):
    """A frame of format B: blocks of up to 126 bytes, L counts the CRCs."""
    first = telegram[1:126]
    rest = telegram[126:]
    size = len(telegram) - 1 + (4 if rest else 2)
    head = bytes((size,)) + first
    out = head + big(crc(head))
    return out + rest + big(crc(rest)) if rest else out


def coded(frame):
    """3-of-6, filled up with a postamble of half a byte where needed."""
    bits = 0
    count = 0
    for byte in frame:
        bits = bits << 12 | CODES[byte >> 4] << 6 | CODES[byte & 15]
        count += 12
    if count & 7:
        bits = bits << 4 | 5
        count += 4
    return bits.to_bytes(count // 8, "big")


def bursts(telegram):
    """(link mode, bytes a receiver delivers) of a telegram in each form."""
    return (("T1", b"\x54\x3d" + coded(frame_a(telegram))),
            ("C1", b"\x54\x3d\x54\xcd" + frame_a(telegram)),
            ("C1", b"\x54\x3d\x54\x3d" + frame_b(telegram)))


def flipped(data, bit):
    """`data` with one bit changed."""
    out = bytearray(data)
    out[bit >> 3] ^= 1 << (bit & 7)
    return bytes(out)


def noise(count, seed):
    """Bytes that look like an empty channel, without the sync word."""
    out = bytearray()
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        out.append(seed >> 16 & 255)
    return bytes(out).replace(b"\x54", b"\x55")


def near(got, want):
    """Whether two numbers agree to two parts in a million."""
    if isinstance(got, bool) or not isinstance(got, (int, float)):
        return False
    return abs(got - want) <= max(2e-6 * abs(want), 1e-6)


def manchester(data):
    """Mode S: 0 as 10, 1 as 01."""
    bits = 0
    for byte in data:
        for bit in (7, 6, 5, 4, 3, 2, 1, 0):
            bits = bits << 2 | (1 if byte >> bit & 1 else 2)
    return bits.to_bytes(2 * len(data), "big")


def long_frame(records=RECORDS, meter=None):
    """A wired M-Bus long frame with the long header."""
    who = meter or address("NET", "87654321", 2, 7)
    body = b"\x08\x01\x72" + who[2:6] + who[:2] + who[6:8] + b"\x2a\0\0\0" + records
    return bytes((0x68, len(body), len(body), 0x68)) + body + bytes((sum(body) & 0xFF, 0x16))


def fragmented(records=RECORDS, key=KEY, counter=b"\x05\x00\x00\x00", sizes=(40, 40), who=None):
    """The telegrams of one mode 7 message cut into pieces; the MAC comes with the last."""
    who = who or address()
    encryption = cmac(key, b"\0" + counter + who[2:6] + b"\7" * 7)
    authentication = cmac(key, b"\1" + counter + who[2:6] + b"\7" * 7)
    plain = padded(records)
    message = bytes((0x7A, 0x2A, 0, len(plain) & 0xF0, 7, 0x10)) + cbc(encryption, bytes(16), plain)
    mcl = b"\x25"
    mac = cmac(authentication, mcl + counter + little(len(message)) + message)[:8]
    telegrams = []
    at = 0
    pieces = list(sizes) + [len(message) - sum(sizes)]
    for number, size in enumerate(pieces):
        last = number == len(pieces) - 1
        flags = number + 1 | (0x0400 if last else 0x4000)
        fields = mac if last else b""
        if number == 0:
            flags |= 0x3800
            fields = mcl + counter + fields + little(len(message))
        afl = bytes((0x90, 2 + len(fields))) + little(flags) + fields
        telegrams.append(telegram(afl + message[at:at + size], who))
        at += size
    return telegrams
