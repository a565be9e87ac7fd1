"""DLMS ciphering (IEC 62056-5-3 9.2.7.2, Green Book 9.2.3.3): general-glo-ciphering, AES-128-GCM.

DB | 08 system title | length | SC | invocation counter, 4 bytes | ciphertext | tag, 12 bytes when SC says so

- SC: bit 4 authenticated, bit 5 encrypted, bits 0-3 the suite (0 and 1 both take AES-128 here).
- IV = system title + counter; AAD = SC + authentication key (+ the plaintext where it is only authenticated).
- A message without a tag is refused where an authentication key is configured: anyone could have made it.

GCM (NIST SP 800-38D) is built on the caller's AES: one ECB call makes the whole key stream.
"""

from .apdu import GENERAL_GLO, length
from .errors import DecodeError, KeyMissing, WrongKey

AUTHENTICATED = 0x10
ENCRYPTED = 0x20
COMPRESSED = 0x80
TAG = 12
POLYNOMIAL = 0xE1 << 120


def _multiply(x, y):
    """The product of two elements of GF(2^128) in GCM's bit order."""
    z = 0
    v = y
    for i in range(127, -1, -1):
        if x >> i & 1:
            z ^= v
        v = (v >> 1) ^ POLYNOMIAL if v & 1 else v >> 1
    return z


def ghash(h, data):
    """GHASH of data, a multiple of 16 bytes, under the hash key h (an int)."""
    y = 0
    for i in range(0, len(data), 16):
        y = _multiply(y ^ int.from_bytes(data[i:i + 16], "big"), h)
    return y


def _padded(data):
    return data + bytes(-len(data) % 16)


def _xor(a, b, n):
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(n, "big") if n else b""


def gcm(cipher, iv, data, aad):
    """(data under the key stream, whole 16-byte tag over `data` as ciphertext): AES-GCM for a 12-byte IV."""
    n = len(data)
    blocks = (n + 15) // 16
    counters = bytes(16) + b"".join([iv + i.to_bytes(4, "big") for i in range(1, blocks + 2)])
    stream = cipher.ecb_encrypt(counters)
    out = _xor(data, stream[32:32 + n], n)
    h = int.from_bytes(stream[:16], "big")
    sizes = (len(aad) * 8).to_bytes(8, "big") + (n * 8).to_bytes(8, "big")
    tag = ghash(h, _padded(aad) + _padded(data) + sizes) ^ int.from_bytes(stream[16:32], "big")
    return out, tag.to_bytes(16, "big")


def header(data, at, end):
    """(system title, SC, counter, index of the content, index after it) of a general-glo-ciphering APDU."""
    if data[at] != GENERAL_GLO:
        raise DecodeError("no general-glo-ciphering", at)
    n, at = length(data, at + 1, end)
    if n != 8 or at + 8 > end:
        raise DecodeError("system title of %d bytes" % n, at)
    title = bytes(data[at:at + 8])
    n, at = length(data, at + 8, end)
    if at + n > end or n < 5:
        raise DecodeError("ciphertext cut off", at)
    if at + n != end:
        raise DecodeError("%d bytes behind the ciphertext" % (end - at - n), at + n)
    return title, data[at], bytes(data[at + 1:at + 5]), at + 5, at + n


def decipher(data, ek, ak, aes):
    """The plaintext of a general-glo-ciphering APDU. Raises KeyMissing, WrongKey (tag) or DecodeError."""
    title, control, counter, start, stop = header(data, 0, len(data))
    if control & COMPRESSED or control & 0x0F > 1:
        raise DecodeError("security control 0x%02x" % control, start - 5)
    if not control & AUTHENTICATED and ak:
        raise DecodeError("no tag where an authentication key is configured", start - 5)
    if not control & ENCRYPTED and not control & AUTHENTICATED:
        return bytes(data[start:stop])
    if not ek or aes is None:
        raise KeyMissing("encrypted, no key")
    tag = b""
    if control & AUTHENTICATED:
        if stop - start < TAG:
            raise DecodeError("tag cut off", start)
        stop -= TAG
        tag = bytes(data[stop:stop + TAG])
    content = bytes(data[start:stop])
    if control & ENCRYPTED:
        aad = bytes((control,)) + ak if tag and ak else b""
        out, good = gcm(aes(ek), title + counter, content, aad)
    else:
        out = content
        good = gcm(aes(ek), title + counter, b"", bytes((control,)) + (ak or b"") + content)[1]
    if tag and ak and good[:TAG] != tag:
        raise WrongKey("tag wrong")
    return out
