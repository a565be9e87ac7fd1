"""What the security modes share: CBC and CTR over `aes(key)` (see security.py), the key's check, the encrypted size,
what of a telegram counts as encrypted."""

from .accel import xor
from .errors import DecodeError, KeyMissing, WrongKey

CHECK = b"\x2f\x2f"  # what the plain text of modes 2, 5 and 7 begins with
IN_PLAIN = "plain text behind a header that says encrypted: nobody sealed it with the key"


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


def decrypted_before(layers, at: int) -> bool:
    """Whether plain text is read where the header says encrypted: only in a capture of which the caller says that
    somebody decrypted it (`layers.decrypted`)."""
    return layers.decrypted and layers.data[at:at + 2] == CHECK


def bound(layers, end: int) -> None:
    """The records end where the encrypted part does, at `end`: what follows in plain anybody can have put there. It is
    left to rest.py, unless a layer around it was opened."""
    if end < layers.end and not layers.opened:
        layers.plain_end = layers.end
        layers.end = end


def encrypted_size(layers) -> int:
    """Bytes encrypted in modes 5 and 7: N blocks of 16; meters that send N = 0 encrypt what there is."""
    size = layers.configuration & 0xF0
    rest = (layers.end - layers.at) & -16
    return rest if size == 0 or size > rest else size
