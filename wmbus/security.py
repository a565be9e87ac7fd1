"""Decryption: the ELL's AES-CTR and TPL security mode 5; the rarer modes are in modes.py (EN 13757-4 §12.2, EN 13757-7
§7.6 and §9).

`aes(key)` is the caller's: it returns an object with `ecb_encrypt(blocks)` and `ecb_decrypt(blocks)` over any multiple
of the block size, and keeps it per key for as long as it sees fit: modes 7 and 10 ask for a fresh key per telegram. A
key of 8 bytes asks for DES (mode 2), which a caller may refuse with a ValueError. CBC, CTR (blocks.py), CMAC and CCM
(modes.py) are built on it: one call for all blocks and one xor of two big numbers, which beats a new cipher object
per telegram.

What a header says is encrypted is read after decryption only. Captures that somebody decrypted already still say
"encrypted"; they are told by their readable check (2F2F where the plain text begins, the payload CRC of the ELL) and
read where the caller says that they may be such, which only a developer's tool does (`layers.decrypted`).
"""

from .accel import crc
from .blocks import CHECK, IN_PLAIN, bound, cbc_decrypt, ctr, decrypted_before, encrypted_size, need
from .errors import DecodeError, Unsealed, WrongKey


def open_ell(layers, key: "bytes | None", aes) -> None:
    """Decrypt the payload of an ELL 8D or 8F and check its CRC; leaves `layers` at the CI field inside."""
    data = layers.data
    at = layers.at
    body = data[at:]
    plain = body
    if len(body) < 3:
        raise DecodeError("extended link layer without payload", at)
    if not layers.ell_encrypted or layers.decrypted:
        right = crc(body[2:]) == body[0] | body[1] << 8
        if not right and not layers.ell_encrypted:
            raise DecodeError("payload CRC wrong", at)
    else:
        right = False
    if not right:
        need(key, aes)
        # IV: M, A, CC without the bits a repeater changes, SN, FN 0, BC 0.
        iv = data[2:10] + bytes((data[layers.ell_at + 1] & 0xED,)) + data[at - 4:at] + b"\0\0\0"
        plain = ctr(aes(key), iv, body)
        if crc(plain[2:]) != plain[0] | plain[1] << 8:
            if crc(body[2:]) == body[0] | body[1] << 8:
                raise Unsealed(IN_PLAIN)
            raise WrongKey("payload CRC wrong after decryption: wrong key, or a damaged telegram")
        layers.opened = True
    layers.data = data[:at] + plain
    layers.at = at + 2


def open_tpl(layers, key: "bytes | None", aes) -> None:
    """Decrypt the application data as the TPL's mode says; `layers.at` is at the first record afterwards."""
    mode = layers.mode
    if mode == 5:
        _mode5(layers, key, aes)
    elif mode in (2, 3, 7, 10):
        from . import modes
        modes.open_tpl(layers, key, aes)
    elif mode < 16:
        raise DecodeError("security mode %d is not supported" % mode, layers.at - 2)
    elif layers.diehl:
        from . import prios
        prios.open_real_data(layers)
    # The other modes from 16 on are the makers' own, for drivers to read or to leave.


def _mode5(layers, key, aes) -> None:
    data = layers.data
    at = layers.at
    size = layers.configuration & 0xF0
    end = at + size
    if size == 0 or end > layers.end:
        size = encrypted_size(layers)
        end = at + size
    if size == 0:  # less than a block can't be encrypted, and so is not the key's
        if not layers.decrypted:
            need(key, aes)
        return
    if key is None:
        if not decrypted_before(layers, at):
            need(key, aes)
        bound(layers, end)
        return
    if len(key) != 16 or aes is None:
        need(key, aes)
    access_number = layers.access_number
    sealed = data[at:end]
    plain = cbc_decrypt(aes(key), layers.address + bytes((access_number,)) * 8, sealed)
    if plain[0] != 0x2F or plain[1] != 0x2F:
        if sealed[:2] == CHECK:
            raise Unsealed(IN_PLAIN)
        raise WrongKey("2F2F missing after decryption: wrong key, or a damaged telegram")
    if end < layers.end:
        layers.data = data[:at] + plain + data[end:]
        bound(layers, end)
    else:
        layers.data = data[:at] + plain
    layers.opened = True


def check_mac(layers, key: "bytes | None", aes) -> None:
    """WrongKey when there is a key and a MAC outside mode 7, which checks its own, and they do not fit.

    Without this check one wrong bit of CI or mode would make records of cipher text. A right MAC that is long enough
    opens what it covers, encrypted or not.
    """
    if layers.afl is None or not layers.afl[4] or layers.mode == 7 or key is None:
        return
    need(key, aes)
    from . import modes
    if not modes.authenticate(layers, key, aes)[0]:
        raise WrongKey("MAC wrong: wrong key, or a damaged telegram")
    if modes.has_mac(layers):
        layers.opened = True
