"""wM-Bus telegrams from the meter's side: records, security, headers, frame formats, line code.

Written from EN 13757-3 (records), -7 (TPL, security mode 5), -4 (DLL, ELL, frame formats A and B, 3-of-6) on its own,
without a line of the decoder: the two are checked against each other and against other people's decoders.
A telegram is the DLL frame without CRCs, its L field counting the bytes behind it.
"""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SYNC = bytes.fromhex("543d")
# EN 13757-4, mode C: what follows the synchronisation says which frame format comes.
C_FORMAT_A, C_FORMAT_B = bytes.fromhex("54cd"), bytes.fromhex("543d")
# EN 13757-4, table 10.
_THREE_OF_SIX = (0x16, 0x0D, 0x0E, 0x0B, 0x1C, 0x19, 0x1A, 0x13, 0x2C, 0x25, 0x26, 0x23, 0x34, 0x31, 0x32, 0x29)
SND_NR = 0x44


def _crc_of(byte: int) -> int:
    value = byte << 8
    for _ in range(8):
        value = (value << 1 ^ 0x3D65 if value & 0x8000 else value << 1) & 0xFFFF
    return value


_CRC = [_crc_of(byte) for byte in range(256)]


def crc(data: bytes) -> int:
    """The CRC of EN 13757-4: polynomial 3D65, start 0, complemented."""
    value = 0
    for byte in data:
        value = (value << 8 & 0xFFFF) ^ _CRC[value >> 8 ^ byte]
    return value ^ 0xFFFF


def format_a(telegram: bytes) -> bytes:
    """The telegram as frame format A: a first block of 10, further ones of 16 bytes, each with its CRC."""
    blocks = [telegram[:10]] + [telegram[i:i + 16] for i in range(10, len(telegram), 16)]
    return b"".join(block + crc(block).to_bytes(2, "big") for block in blocks)


def format_b(telegram: bytes) -> bytes:
    """The telegram as frame format B: up to 126 bytes with one CRC, the rest with a second; L counts the CRCs."""
    crcs = 1 if len(telegram) <= 126 else 2
    telegram = bytes((telegram[0] + 2 * crcs,)) + telegram[1:]
    return b"".join(block + crc(block).to_bytes(2, "big") for block in (telegram[:126], telegram[126:]) if block)


def three_of_six(data: bytes) -> bytes:
    """The line code of mode T, high nibble first; the last byte is filled with 0101."""
    bits = "".join(f"{_THREE_OF_SIX[nibble]:06b}" for byte in data for nibble in (byte >> 4, byte & 15))
    bits += "0101"[:-len(bits) % 8]
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def burst(telegram: bytes, mode: str) -> bytes:
    """What a receiver of modes T and C hands over, from the synchronisation on. Modes: T1, C1A, C1B (by format)."""
    if mode == "T1":
        return SYNC + three_of_six(format_a(telegram))
    if mode == "C1A":
        return SYNC + C_FORMAT_A + format_a(telegram)
    if mode == "C1B":
        return SYNC + C_FORMAT_B + format_b(telegram)
    raise ValueError(f"no such mode: {mode}")


# --- records --------------------------------------------------------------------------------------------------------

def bcd(value: int, digits: int) -> bytes:
    """A BCD integer, low byte first; a negative one carries F in its top digit (EN 13757-3, type A)."""
    text = f"{value:0{digits}d}" if value >= 0 else f"F{-value:0{digits - 1}d}"
    return bytes.fromhex(text)[::-1]


def date(moment) -> bytes:
    """Type G of EN 13757-3: a date in two bytes."""
    year = moment.year % 100
    return bytes((moment.day | (year & 7) << 5, moment.month | year >> 3 << 4))


def date_time(moment) -> bytes:
    """Type F of EN 13757-3: date and time to the minute in four bytes."""
    return bytes((moment.minute, moment.hour)) + date(moment)


# --- headers and security -------------------------------------------------------------------------------------------

def manufacturer(letters: str) -> bytes:
    """The M field of three letters (EN 62056-21's FLAG code)."""
    a, b, c = (ord(letter) - 64 for letter in letters)
    return (a << 10 | b << 5 | c).to_bytes(2, "little")


def address(letters: str, ident: str, version: int, kind: int) -> bytes:
    """M and A field of the DLL: manufacturer, id (8 digits), version, device type."""
    return manufacturer(letters) + bytes.fromhex(ident)[::-1] + bytes((version, kind))


def link(meter: bytes, content: bytes, control: int = SND_NR) -> bytes:
    """The DLL around a content that starts with its CI field."""
    return bytes((9 + len(content), control)) + meter + content


def _tpl(header_of: bytes, access: int, status: int, config: int, long: bool) -> bytes:
    rest = bytes((access, status)) + config.to_bytes(2, "little")
    # EN 13757-7: the long header names the meter, its id before its manufacturer.
    return b"\x72" + header_of[2:6] + header_of[:2] + header_of[6:] + rest if long else b"\x7a" + rest


def plain(meter: bytes, access: int, status: int, records: bytes, long: bool = False) -> bytes:
    """A TPL with short (7A) or long (72) header and no security."""
    return _tpl(meter, access, status, 0, long) + records


def mode_5(meter: bytes, access: int, status: int, records: bytes, key: bytes, long: bool = False,
           tail: bytes = b"") -> bytes:
    """A TPL in security mode 5: AES-128-CBC from 2F 2F, filled with 2F; `tail` follows unencrypted."""
    text = b"\x2f\x2f" + records
    text += b"\x2f" * (-len(text) % 16)
    iv = meter + bytes((access,)) * 8
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    config = 5 << 8 | len(text) // 16 << 4 | 1 << 13
    return _tpl(meter, access, status, config, long) + encryptor.update(text) + encryptor.finalize() + tail


def ell_short(access: int, content: bytes) -> bytes:
    """The extended link layer of CI 8C around another CI."""
    return bytes((0x8C, 0x20, access)) + content


def ell_ctr(meter: bytes, access: int, session: int, minutes: int, content: bytes, key: "bytes | None") -> bytes:
    """The extended link layer of CI 8D: AES-128-CTR over the CRC and the content (EN 13757-4, 13.2.10); plain without
    a key. `session` counts 0-15 within a minute of the meter's own clock."""
    serial = ((1 << 29 if key else 0) | (minutes & 0x1FFFFFF) << 4 | session).to_bytes(4, "little")
    text = crc(content).to_bytes(2, "little") + content
    if key:
        iv = meter + b"\x20" + serial + b"\0\0\0"
        encryptor = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
        text = encryptor.update(text) + encryptor.finalize()
    return bytes((0x8D, 0x20, access)) + serial + text
