"""Decryption: TPL security mode 5 and the ELL's AES-CTR (EN 13757-7 §7.6, EN 13757-4 §12.2).

`aes(key)` is the caller's: it returns an object with `ecb_encrypt(blocks)` and `ecb_decrypt(blocks)` over any multiple
of 16 bytes and keeps it per key. CBC and CTR are built on it here: one call for all blocks and one xor of two big
numbers, which beats a new cipher object per telegram.
"""

from .accel import crc
from .errors import DecodeError, KeyMissing, WrongKey


def xor(a: bytes, b: bytes) -> bytes:
    """The bytes of `a` and `b`, of equal length, xored."""
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")


def cbc_decrypt(cipher, iv: bytes, data: bytes) -> bytes:
    """AES-CBC over whole blocks."""
    return xor(cipher.ecb_decrypt(data), iv + data[:-16])


def ctr(cipher, iv: bytes, data: bytes) -> bytes:
    """AES-CTR (its own inverse); the counter is the last two bytes of `iv`, 00 00 to start with."""
    size = len(data)
    head = iv[:14]
    blocks = b"".join([head + bytes((i >> 8, i & 255)) for i in range((size + 15) >> 4)])
    return xor(cipher.ecb_encrypt(blocks)[:size], data)


def need(key: "bytes | None", aes) -> None:
    """KeyMissing without a key; DecodeError with one that is none, or without a cipher."""
    if key is None:
        raise KeyMissing("encrypted, and no key given")
    if len(key) not in (16, 8):
        raise WrongKey("a key of %d bytes (16 are needed)" % len(key))
    if aes is None:
        raise DecodeError("encrypted, and no cipher given")


def open_ell(layers, key: "bytes | None", aes) -> None:
    """Decrypt the payload of an ELL 8D or 8F and check its CRC; leaves `layers` at the CI field inside."""
    data = layers.data
    at = layers.at
    body = data[at:]
    plain = body
    if len(body) < 3:
        raise DecodeError("extended link layer without payload", at)
    if crc(body[2:]) != body[0] | body[1] << 8:
        if not layers.ell_encrypted:
            raise DecodeError("payload CRC wrong", at)
        need(key, aes)
        # IV: M, A, CC without the bits a repeater changes, SN, FN 0, BC 0.
        iv = data[2:10] + bytes((data[layers.ell_at + 1] & 0xED,)) + data[at - 4:at] + b"\0\0\0"
        plain = ctr(aes(key), iv, body)
        if crc(plain[2:]) != plain[0] | plain[1] << 8:
            raise WrongKey("payload CRC wrong after decryption: wrong key, or a damaged telegram")
    layers.data = data[:at] + plain
    layers.at = at + 2


def open_tpl(layers, key: "bytes | None", aes) -> None:
    """Decrypt the application data as the TPL's mode says; `layers.at` is at the first record afterwards."""
    mode = layers.mode
    if mode == 5:
        _mode5(layers, key, aes)
    else:
        raise DecodeError("security mode %d is not supported" % mode, layers.at - 2)


def _mode5(layers, key, aes) -> None:
    data = layers.data
    at = layers.at
    size = layers.configuration & 0xF0
    rest = (layers.end - at) & -16
    if size == 0 or size > rest:
        # N counts blocks; 0 says "none encrypted", but meters that send it have encrypted what there is.
        size = rest
    if size == 0:
        return
    if data[at:at + 2] == b"\x2f\x2f" and key is None:
        return
    need(key, aes)
    iv = layers.address + bytes((layers.access_number,)) * 8
    plain = cbc_decrypt(aes(key), iv, data[at:at + size])
    if plain[:2] != b"\x2f\x2f":
        if data[at:at + 2] == b"\x2f\x2f":
            return  # a capture that somebody decrypted already
        raise WrongKey("2F2F missing after decryption: wrong key, or a damaged telegram")
    layers.data = data[:at] + plain + data[at + size:]
