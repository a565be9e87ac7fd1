"""DLMS ciphering (IEC 62056-5-3 9.2.7.2, Green Book 9.2.3.3) with AES-128-GCM: general-glo- and general-ciphering.

DB | 08 system title | length | SC | invocation counter, 4 bytes | ciphertext | tag, 12 bytes where SC says so
DD | transaction id | originator's title | recipient's title | date-time | other | key info | length | SC | ... as above

- SC: bit 4 authenticated, bit 5 encrypted, bit 7 compressed, bits 0-3 the suite (0 and 1 both take AES-128 here).
- IV = system title + counter. AAD = SC + authentication key, + the header fields of general-ciphering, + the plaintext
  where it is only authenticated.
- A message without a tag is refused where an authentication key is configured: anyone could have made it.
- The counter has to grow. What was seen last the caller keeps, in a dict by system title, and passes in.

GCM (NIST SP 800-38D) is built on the caller's AES: one ECB call makes the whole key stream.
"""

from . import accel
from .apdu import GENERAL_CIPHERING, GENERAL_GLO, length
from .errors import DecodeError, KeyMissing, WrongKey

AUTHENTICATED = 0x10
ENCRYPTED = 0x20
COMPRESSED = 0x80
TAG = 12
MAX_TABLES = 2
# Luxembourg's meters share this authentication key, by their specification; the encryption key is the home's own.
LUXEMBOURG_KEY = bytes([17 * i for i in range(16)])

_COUNTS: "list" = [b""]  # the block counters as bytes, behind an empty one, as far as they were needed
_tables: "dict" = {}  # hash key -> table of accel.ghash


def _padded(data):
    return data + bytes(-len(data) % 16)


def gcm(cipher, iv, data, aad, tagged=True):
    """(data under the key stream, the 16-byte tag over `data` as ciphertext or b""): AES-GCM for a 12-byte IV."""
    n = len(data)
    blocks = (n + 15) // 16
    while len(_COUNTS) < blocks + 2:
        _COUNTS.append(len(_COUNTS).to_bytes(4, "big"))
    # The first block makes the hash key, the second masks the tag, the rest is the key stream.
    stream = cipher.ecb_encrypt(bytes(16) + iv.join(_COUNTS[:blocks + 2]))
    out = b""
    if n:
        out = (int.from_bytes(data, "big") ^ int.from_bytes(stream[32:32 + n], "big")).to_bytes(n, "big")
    if not tagged:
        return out, b""
    h = stream[:16]
    if h not in _tables:
        if len(_tables) >= MAX_TABLES:
            _tables.clear()
        _tables[h] = accel.ghash_table(h)
    sizes = (len(aad) * 8).to_bytes(8, "big") + (n * 8).to_bytes(8, "big")
    digest = accel.ghash(_tables[h], _padded(aad) + _padded(data) + sizes)
    tag = int.from_bytes(digest, "big") ^ int.from_bytes(stream[16:32], "big")
    return out, tag.to_bytes(16, "big")


def header(data, at, end):
    """(system title, AAD behind the key, index of SC, index after the content) of a ciphered APDU.

    A system title of no bytes, as Elgama's P1 writes it, counts as eight zeros.
    """
    extra = b""
    if data[at] == GENERAL_GLO:
        n, at = length(data, at + 1, end)
        title = bytes(data[at:at + n])
        at += n
    elif data[at] == GENERAL_CIPHERING:
        start = at = at + 1
        titles = []
        for _ in range(5):  # transaction id, originator, recipient, date-time, other information
            n, at = length(data, at, end)
            titles.append(bytes(data[at:at + n]))
            at += n
        extra = bytes(data[start:at])
        title = titles[1]
        at = _key_info(data, at)
    else:
        raise DecodeError("no ciphered APDU", at)
    if len(title) not in (0, 8):
        raise DecodeError("system title of %d bytes" % len(title), at)
    n, at = length(data, at, end)
    if n < 5 or at + n > end:
        raise DecodeError("ciphertext cut off", at)
    if at + n != end:
        raise DecodeError("%d bytes behind the ciphertext" % (end - at - n), at + n)
    return title or bytes(8), extra, at, at + n


def _key_info(data, at):
    """The index after the optional key info: absent, or an identified key (the global one is the one we have)."""
    if data[at] == 0:
        return at + 1
    if data[at] == 1 and data[at + 1] == 0:
        return at + 3
    raise DecodeError("a key that comes with the message", at)


def decipher(data, at, end, ek, ak, aes, counters=None):
    """(plaintext, whether its tag was checked) of the ciphered APDU at data[at:end].

    Raises KeyMissing, WrongKey (the tag is wrong) or DecodeError. A counter that does not grow past the one in
    `counters` is refused; the caller notes it with `note` once the content has proved good.
    """
    title, extra, at, stop = header(data, at, end)
    control = data[at]
    iv = title + bytes(data[at + 1:at + 5])
    start = at + 5
    if control & COMPRESSED or control & 0x0F > 1:
        raise DecodeError("security control 0x%02x" % control, at)
    if not control & AUTHENTICATED and ak:
        raise DecodeError("no tag where an authentication key is configured", at)
    if counters is not None and title in counters and int.from_bytes(iv[8:], "big") <= counters[title]:
        raise DecodeError("the frame counter did not grow", at + 1)
    if control & (ENCRYPTED | AUTHENTICATED) and (not ek or aes is None):
        raise KeyMissing("encrypted, no key")
    tag = b""
    if control & AUTHENTICATED:
        if stop - start < TAG:
            raise DecodeError("tag cut off", start)
        stop -= TAG
        if ak:
            tag = bytes(data[stop:stop + TAG])
    content = bytes(data[start:stop])
    if control & ENCRYPTED:
        out, good = gcm(aes(ek), iv, content, bytes((control,)) + ak + extra if tag else b"", tag != b"")
    else:
        out = content
        good = gcm(aes(ek), iv, b"", bytes((control,)) + ak + extra + content)[1] if tag else b""
    if tag and good[:TAG] != tag:
        raise WrongKey("tag wrong")
    return out, tag != b""


def note(data, at, end, counters):
    """Remember the counter of a ciphered APDU that was read; not of one that anyone without a key could have made."""
    title, _, at, _ = header(data, at, end)
    if title != bytes(8) and data[at] & (ENCRYPTED | AUTHENTICATED):
        counters[title] = int.from_bytes(data[at + 1:at + 5], "big")
