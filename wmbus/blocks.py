"""What the security modes share: CBC and CTR over `aes(key)` (see security.py), the key's check, the encrypted size."""

from .accel import xor
from .errors import DecodeError, KeyMissing, WrongKey


def cbc_decrypt(cipher, iv: bytes, data: bytes) -> bytes:
    """AES-CBC over whole blocks."""
    return xor(cipher.ecb_decrypt(data), iv + data[:-16])


def ctr(cipher, iv: bytes, data: bytes) -> bytes:
    """AES-CTR (its own inverse); the counter is the last two bytes of `iv`, 00 00 to start with."""
    size = len(data)
    head = iv[:14]
    blocks = b"".join([head + bytes((i >> 8, i & 255)) for i in range((size + 15) >> 4)])
    return xor(cipher.ecb_encrypt(blocks)[:size], data)


def need(key: "bytes | None", aes, size: int = 16) -> None:
    """KeyMissing without a key; WrongKey with one of another size, DecodeError without a cipher."""
    if key is None:
        raise KeyMissing("encrypted, and no key given")
    if len(key) != size:
        raise WrongKey("a key of %d bytes (%d are needed)" % (len(key), size))
    if aes is None:
        raise DecodeError("encrypted, and no cipher given")


def encrypted_size(layers) -> int:
    """Bytes encrypted in modes 5 and 7: N blocks of 16; meters that send N = 0 encrypt what there is."""
    size = layers.configuration & 0xF0
    rest = (layers.end - layers.at) & -16
    return rest if size == 0 or size > rest else size
