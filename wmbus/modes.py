"""The TPL security modes that few meters use: 7 and 10 with a key derived for each message, 2 with DES; the AFL's MAC
(EN 13757-7 §6.3, §7.6 and §9). security.py loads this for the first that needs it. `aes` is as there.
"""

from .accel import xor
from .blocks import CHECK, IN_PLAIN, bound, cbc_decrypt, decrypted_before, encrypted_size, need
from .errors import DecodeError, Unsealed, WrongKey

LEAST_MAC = 8  # bytes: a shorter MAC can be guessed, and proves nothing
CMAC = (5, 6, 7)  # authentication types of the AFL's MCL with a CMAC of 8, 12, 16 bytes (EN 13757-7 table 14)


def open_tpl(layers, key: "bytes | None", aes) -> None:
    """As `security.open_tpl`, for these modes."""
    if layers.mode == 7:
        _mode7(layers, key, aes)
    elif layers.mode == 10:
        _mode10(layers, key, aes)
    else:
        _des(layers, key, aes)


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


def has_mac(layers) -> bool:
    """Whether the AFL has a MAC that proves something where it is right: named by its MCL and long enough."""
    return (layers.afl is not None and layers.afl[0] & 0x2000 != 0 and layers.afl[1] & 15 in CMAC
            and layers.afl[4] is not None and len(layers.afl[4]) >= LEAST_MAC)


def authenticate(layers, key: bytes, aes) -> "tuple[bool, bytes]":
    """(whether the AFL has a MAC and it is right, the message's encryption key) (EN 13757-7 §6.3 and §9)."""
    if layers.afl is None or layers.afl[3] is None:
        raise DecodeError("derived keys without a message counter", layers.tpl_at)
    _, mcl, _, counter, mac, length = layers.afl
    encryption, authentication = session_keys(aes(key), counter, layers.address[2:6], b"\0\1")
    if not mac:
        return False, encryption
    message = bytes((mcl,)) + counter + (length or b"") + layers.data[layers.tpl_at:layers.end]
    return cmac(aes(authentication), message)[:len(mac)] == mac, encryption


def _mode7(layers, key, aes) -> None:
    data = layers.data
    if layers.at >= layers.end:
        raise DecodeError("transport header cut short", layers.at)
    layers.at += 1  # the configuration's extension: key derivation, key id
    at = layers.at
    size = encrypted_size(layers)
    if decrypted_before(layers, at):
        return
    need(key, aes)
    if not has_mac(layers):
        raise Unsealed("security mode 7 without a MAC of %d bytes or more" % LEAST_MAC, layers.tpl_at)
    right, encryption = authenticate(layers, key, aes)
    if not right:
        if data[at:at + 2] == CHECK:
            raise Unsealed(IN_PLAIN)
        raise WrongKey("MAC wrong: wrong key, or a damaged telegram")
    plain = cbc_decrypt(aes(encryption), bytes(16), data[at:at + size])
    if size and plain[:2] != CHECK:
        raise WrongKey("2F2F missing after decryption: wrong key, or a damaged telegram")
    layers.data = data[:at] + plain + data[at + size:]
    layers.opened = True


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
    layers.opened = True
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
    """Mode 2: DES-CBC, start vector zero; mode 3 sets it to M and the date, which no known meter uses on air. Its only
    check is 2F2F where the plain text begins."""
    data = layers.data
    at = layers.at
    size = layers.configuration & 0xFF
    if layers.mode == 3:
        raise DecodeError("security mode 3 is not supported", at - 2)
    if size & 7 or not 0 < size <= layers.end - at:
        raise DecodeError("DES over %d bytes" % size, at - 2)
    if decrypted_before(layers, at):
        bound(layers, at + size)
        return
    need(key, aes, 8)
    sealed = data[at:at + size]
    try:
        plain = xor(aes(key).ecb_decrypt(sealed), bytes(8) + sealed[:-8])
    except ValueError as error:
        raise DecodeError("no DES here: " + str(error), at - 2) from None
    if plain[:2] != CHECK:
        raise WrongKey("2F2F missing after decryption: wrong key, or a damaged telegram")
    layers.data = data[:at] + plain + data[at + size:]
    bound(layers, at + size)
    layers.opened = True
