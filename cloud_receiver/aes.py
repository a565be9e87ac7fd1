"""AES for the codecs: `aes(key)` gives ECB over whole blocks; CBC, CTR, CMAC, CCM and GCM are built on it there."""

import functools

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


class Aes:
    """One key's AES-ECB; `data` is any multiple of 16 bytes. For one thread at a time."""

    def __init__(self, key: bytes):
        cipher = Cipher(algorithms.AES(key), modes.ECB())
        # An ECB context keeps no state between whole blocks: one object serves for good, which costs a quarter of a new
        # one per telegram.
        self.ecb_encrypt = cipher.encryptor().update
        self.ecb_decrypt = cipher.decryptor().update


@functools.lru_cache(maxsize=20_000)
def aes(key: bytes) -> Aes:
    """The cached cipher of a 16-byte key."""
    return Aes(key)
