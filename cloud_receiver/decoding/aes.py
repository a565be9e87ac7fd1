"""AES for the codecs: `aes(key)` gives ECB over whole blocks; CBC, CTR, CMAC, CCM and GCM are built on it there.

A key of 8 bytes asks for DES, which meters of the nineties use (wM-Bus security mode 2) and the library offers as a
triple one with three equal keys.
"""

import functools

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


class Aes:
    """One key's AES-ECB; `data` is any multiple of 16 bytes. For one thread at a time."""

    def __init__(self, key: bytes):
        cipher = Cipher(_des(key) if len(key) == 8 else algorithms.AES(key), modes.ECB())
        # An ECB context keeps no state between whole blocks: one object serves for good, which costs a quarter of a new
        # one per telegram.
        self.ecb_encrypt = cipher.encryptor().update
        self.ecb_decrypt = cipher.decryptor().update


def _des(key: bytes):
    try:
        from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    except ImportError:  # releases to come
        raise ValueError("the library offers no DES any more") from None
    return TripleDES(key * 3)


@functools.lru_cache(maxsize=20_000)
def aes(key: bytes) -> Aes:
    """The cached cipher of a 16-byte key, or of an 8-byte one for DES."""
    return Aes(key)
