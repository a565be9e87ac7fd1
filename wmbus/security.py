"""Decryption: the ELL's AES-CTR and TPL security modes 2, 5, 7 and 10 (EN 13757-4 §12.2, EN 13757-7 §7.6 and §9).

`aes(key)` is the caller's: it returns an object with `ecb_encrypt(blocks)` and `ecb_decrypt(blocks)` over any multiple
of the block size, and keeps it per key for as long as it sees fit: modes 7 and 10 ask for a fresh key per telegram. A
key of 8 bytes asks for DES (mode 2), which a caller may refuse with a ValueError. CBC, CTR, CMAC and CCM are built on
it here: one call for all blocks and one xor of two big numbers, which beats a new cipher object per telegram.

Captures that somebody decrypted already still say "encrypted". They are told by their readable check: 2F2F where
the plain text begins, the payload CRC of the ELL.
"""

from .accel import crc, xor
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


def cmac_subkey(cipher) -> int:
    """K1 of AES-CMAC (RFC 4493) as a number: enough for messages of whole blocks."""
    return _double(int.from_bytes(cipher.ecb_encrypt(bytes(16)), "big"))


def _double(value: int) -> int:
    value <<= 1
    return value & (1 << 128) - 1 ^ 0x87 if value >> 128 else value


def cmac(cipher, message: bytes) -> bytes:
    """AES-CMAC (RFC 4493)."""
    subkey = cmac_subkey(cipher)
    whole = (len(message) - 1) & -16 if message else 0
    last = message[whole:]
    if len(last) < 16:
        last += b"\x80" + bytes(15 - len(last))
        subkey = _double(subkey)
    state = 0
    encrypt = cipher.ecb_encrypt
    for at in range(0, whole, 16):
        state = int.from_bytes(encrypt((int.from_bytes(message[at:at + 16], "big") ^ state).to_bytes(16, "big")), "big")
    return encrypt((int.from_bytes(last, "big") ^ state ^ subkey).to_bytes(16, "big"))


def session_keys(cipher, counter: bytes, identity: bytes, which: bytes) -> "list[bytes]":
    """Keys derived from the meter's key for one message (EN 13757-7 §9.5.2): `which` 00 encryption, 01 MAC."""
    subkey = cmac_subkey(cipher)
    blocks = [(int.from_bytes(bytes((d,)) + counter + identity + b"\7\7\7\7\7\7\7", "big") ^ subkey).to_bytes(16, "big")
              for d in which]
    derived = cipher.ecb_encrypt(b"".join(blocks))
    return [derived[i:i + 16] for i in range(0, len(derived), 16)]


def open_tpl(layers, key: "bytes | None", aes) -> None:
    """Decrypt the application data as the TPL's mode says; `layers.at` is at the first record afterwards."""
    mode = layers.mode
    if mode == 5:
        _mode5(layers, key, aes)
    elif mode == 7:
        _mode7(layers, key, aes)
    elif mode == 10:
        _mode10(layers, key, aes)
    elif mode in (2, 3):
        _des(layers, key, aes)
    elif mode < 16:
        raise DecodeError("security mode %d is not supported" % mode, layers.at - 2)
    elif layers.diehl:
        from . import prios
        prios.open_real_data(layers)
    # The other modes from 16 on are the makers' own, for drivers to read or to leave.


def _blocks(layers) -> int:
    """Bytes encrypted in modes 5 and 7: N blocks of 16; meters that send N = 0 encrypt what there is."""
    size = layers.configuration & 0xF0
    rest = (layers.end - layers.at) & -16
    return rest if size == 0 or size > rest else size


def _mode5(layers, key, aes) -> None:
    data = layers.data
    at = layers.at
    size = layers.configuration & 0xF0
    end = at + size
    if size == 0 or end > layers.end:
        size = _blocks(layers)
        end = at + size
    if size == 0:
        return
    if key is None:
        if data[at] == data[at + 1] == 0x2F:
            return
        need(key, aes)
    elif len(key) != 16 or aes is None:
        need(key, aes)
    access_number = layers.access_number
    sealed = data[at:end]
    plain = cbc_decrypt(aes(key), layers.address + bytes((access_number,)) * 8, sealed)
    if plain[0] != 0x2F or plain[1] != 0x2F:
        if data[at] == data[at + 1] == 0x2F:
            return
        raise WrongKey("2F2F missing after decryption: wrong key, or a damaged telegram")
    layers.data = data[:at] + plain + data[end:] if end < layers.end else data[:at] + plain


def authenticate(layers, key: bytes, aes) -> "tuple[bool, bytes]":
    """(whether the AFL's MAC is right or there is none, the message's encryption key) (EN 13757-7 §6.3 and §9)."""
    if layers.afl is None or layers.afl[3] is None:
        raise DecodeError("derived keys without a message counter", layers.tpl_at)
    _, mcl, _, counter, mac, length = layers.afl
    encryption, authentication = session_keys(aes(key), counter, layers.address[2:6], b"\0\1")
    if not mac:
        return True, encryption
    message = bytes((mcl,)) + counter + (length or b"") + layers.data[layers.tpl_at:layers.end]
    return cmac(aes(authentication), message)[:len(mac)] == mac, encryption


def check_mac(layers, key: "bytes | None", aes) -> None:
    """WrongKey when there is a key and a MAC outside mode 7, which checks its own, and they do not fit.

    Without this check one wrong bit of CI or mode would make records of cipher text.
    """
    if layers.afl is None or not layers.afl[4] or layers.mode == 7 or key is None:
        return
    need(key, aes)
    if not authenticate(layers, key, aes)[0]:
        raise WrongKey("MAC wrong: wrong key, or a damaged telegram")


def _mode7(layers, key, aes) -> None:
    data = layers.data
    if layers.at >= layers.end:
        raise DecodeError("transport header cut short", layers.at)
    layers.at += 1  # the configuration's extension: key derivation, key id
    at = layers.at
    size = _blocks(layers)
    if data[at:at + 2] == b"\x2f\x2f" and key is None:
        return
    need(key, aes)
    right, encryption = authenticate(layers, key, aes)
    if not right:
        if data[at:at + 2] == b"\x2f\x2f":
            return
        raise WrongKey("MAC wrong: wrong key, or a damaged telegram")
    plain = cbc_decrypt(aes(encryption), bytes(16), data[at:at + size])
    if size and plain[:2] != b"\x2f\x2f":
        raise WrongKey("2F2F missing after decryption: wrong key, or a damaged telegram")
    layers.data = data[:at] + plain + data[at + size:]


def _mode10(layers, key, aes) -> None:
    data = layers.data
    at = layers.at + 2  # two bytes of configuration extension, then the message counter
    body = at + 4
    if body + 8 > layers.end:
        raise DecodeError("transport header cut short", layers.at)
    need(key, aes)
    counter = data[at:body]
    identity = layers.address[2:6]
    cipher = aes(session_keys(aes(key), counter, identity, b"\0")[0])
    nonce = layers.address + b"\0" + bytes((counter[3], counter[2], counter[1], counter[0]))
    # The header in front of the counter is authenticated: CI, in a short header access number, status, configuration.
    plain = ccm(cipher, nonce, data[layers.tpl_at:at], data[body:layers.end])
    if plain is None:
        raise WrongKey("tag wrong: wrong key, or a damaged telegram")
    layers.data = data[:body] + plain
    layers.at = body
    layers.end = body + len(plain)


def ccm(cipher, nonce: bytes, header: bytes, body: bytes) -> "bytes | None":
    """AES-CCM (RFC 3610) with a nonce of 13 bytes and a tag of 8 at the end of `body`; None when the tag is wrong."""
    sealed = body[:-8]
    size = len(sealed)
    blocks = b"".join([b"\1" + nonce + bytes((i >> 8, i & 255)) for i in range(1 + (size + 15) // 16)])
    stream = cipher.ecb_encrypt(blocks)
    plain = xor(stream[16:16 + size], sealed) if size else b""
    message = bytes((0x59,)) + nonce + bytes((size >> 8, size & 255)) + bytes((0, len(header))) + header
    message += bytes(-len(message) % 16) + plain
    message += bytes(-len(message) % 16)
    state = 0
    for at in range(0, len(message), 16):
        state = int.from_bytes(cipher.ecb_encrypt(
            (int.from_bytes(message[at:at + 16], "big") ^ state).to_bytes(16, "big")), "big")
    if xor(state.to_bytes(16, "big")[:8], stream[:8]) != body[-8:]:
        return None
    return plain


def _des(layers, key, aes) -> None:
    """Mode 2: DES-CBC, start vector zero; mode 3 sets it to M and the date, which no known meter uses on air."""
    data = layers.data
    at = layers.at
    size = layers.configuration & 0xFF
    if layers.mode == 3:
        raise DecodeError("security mode 3 is not supported", at - 2)
    if size & 7 or not 0 < size <= layers.end - at:
        raise DecodeError("DES over %d bytes" % size, at - 2)
    need(key, aes, 8)
    sealed = data[at:at + size]
    try:
        plain = xor(aes(key).ecb_decrypt(sealed), bytes(8) + sealed[:-8])
    except ValueError as error:
        raise DecodeError("no DES here: " + str(error), at - 2) from None
    layers.data = data[:at] + plain + data[at + size:]
