"""From the telegram's head to its application data: DLL address, ELL, AFL and TPL (EN 13757-4 §11-13, EN 13757-7 §6-7).

`Layers` is filled front to back by `walk`, which stops at whatever needs a key. Nothing is decrypted here. Offsets are
into `data`, which is the telegram itself until a layer has been decrypted and replaces it.
"""

from collections import namedtuple

from .errors import DecodeError, Fragment
from .identity import Meter, letters, meter_of, meter_text, recent_makers

Summary = namedtuple("Summary", ("meter", "ci", "access_number", "status", "encrypted"))

# CI fields by what follows them (EN 13757-7 table 2, EN 13757-4 table 28, EN 13757-3 table 2).
SHORT_TPL = (0x7A, 0x7B, 0x6A, 0x5A, 0x61, 0x65, 0x6E, 0x74, 0x7D, 0x7F, 0x8A)
LONG_TPL = (0x72, 0x73, 0x6B, 0x53, 0x5B, 0x60, 0x64, 0x6C, 0x6D, 0x6F, 0x75, 0x7C, 0x7E, 0x80, 0x8B)
ELL = {0x8C: 2, 0x8D: 8, 0x8E: 10, 0x8F: 16}  # CI: bytes after it (8D and 8F: with session number and payload CRC)
AFL = 0x90

# Diehl, Hydrometer and EWT radio modules put version and type in front of the number in the DLL address of the frames
# that use their own cipher (PRIOS): with CI A0-A7, and with CI 7A and a security mode of 16 or above.
DIEHL = (b"\xa5\x11", b"\x24\x23", b"\xf4\x16")  # DME, HYD, EWT
SAPPEL = b"\x30\x4c"  # SAP


class Layers:
    """What the layers below the records say. `address` is M(2) ID(4) version type of the meter, as IVs need it."""

    # Defaults live in the class: a telegram sets only what it has.
    ci = 0
    access_number: "int | None" = None
    status: "int | None" = None
    mode = 0                            # security mode of the TPL
    configuration = 0
    ell_at: "int | None" = None         # where the ELL's CI is, when there is one
    ell_encrypted = False
    afl_at: "int | None" = None
    afl: "tuple | None" = None          # (FCL, MCL, KI, MCR bytes, MAC bytes, ML), see `_afl`
    tpl_at = 0                          # where the TPL's CI is
    wired = False
    diehl = False                       # Diehl's own order of address and own cipher
    key: "bytes | None" = None          # for a maker's own frame that has a cipher of its own
    aes = None
    decrypted = False                   # somebody decrypted this capture, says the caller, who has no key
    opened = False                      # something of it was decrypted or authenticated under the key
    plain_end: "int | None" = None      # where what follows the encrypted records in plain ends, see rest.py

    def __init__(self, telegram: bytes):
        self.data = telegram
        self.at = 10    # where the next CI field is, or where the application data begins once `ci` is final
        self.end = len(telegram)
        self.address = telegram[2:10]


def begin(telegram: bytes) -> Layers:
    """Check the frame's outer form, wireless or wired, and return its layers with nothing walked yet.

    A DecodeError names the meter that the bytes where its address belongs name, if they name one.
    """
    try:
        return _begin(telegram)
    except DecodeError as error:
        if len(telegram) > 10 and telegram[0] != 0x68 and letters(telegram[2] | telegram[3] << 8) is not None:
            error.meter = meter_text(meter_of(bytes(telegram[2:10])))
        raise


def _begin(telegram):
    if not isinstance(telegram, bytes):
        telegram = bytes(telegram)
    size = len(telegram)
    if size >= 11 and telegram[0] == (size - 1) & 0xFF:  # over 256 bytes: put together from fragments
        if letters(telegram[2] | telegram[3] << 8) is None:
            raise DecodeError("no manufacturer code", 2)
        return Layers(telegram)
    if size >= 9 and telegram[0] == telegram[3] == 0x68 and telegram[1] == telegram[2] == size - 6:
        return _wired(telegram)
    if size < 11:
        raise DecodeError("telegram too short", size)
    if 0 < size - 1 - telegram[0] <= 4 and telegram[0] > 9:
        # A receiver that took the CRCs off the length and left one in place, or the like: read what is whole.
        return _begin(bytes((size - 1,)) + telegram[1:])
    raise DecodeError("length field %d, but %d bytes follow" % (telegram[0], size - 1), 0)


def _wired(telegram: bytes) -> Layers:
    """A wired long frame (EN 13757-2): 68 L L 68 C A CI ... checksum 16."""
    if telegram[-1] != 0x16:
        raise DecodeError("wired frame without its stop byte", len(telegram) - 1)
    if sum(telegram[4:-2]) & 0xFF != telegram[-2]:
        raise DecodeError("wired frame with a wrong checksum", len(telegram) - 2)
    layers = Layers(telegram)
    layers.wired = True
    layers.at = 6
    layers.end = len(telegram) - 2
    layers.address = b""
    if telegram[6] not in LONG_TPL:
        raise DecodeError("wired frame that names no meter (CI %02X)" % telegram[6], 6)
    return layers


def walk(layers: Layers, to_fragment: bool = False) -> None:
    """Go on from the CI field at `layers.at` until the application data or an encrypted ELL payload is reached.

    With `to_fragment` stop behind the AFL of a fragment, whose rest has no meaning by itself; else it is a DecodeError.
    """
    while True:
        data = layers.data
        at = layers.at
        if at >= layers.end:
            raise DecodeError("no CI field", at)
        ci = data[at]
        if ci == 0x7A or ci == 0x72 or ci == 0x78:
            pass
        elif ci in ELL:
            size = ELL[ci]
            if at + size >= layers.end or layers.ell_at is not None:
                raise DecodeError("extended link layer cut short", at)
            layers.ell_at = at
            layers.access_number = data[at + 2]
            if ci & 1:
                # Top three bits of the session number: 1 = AES-CTR over everything after it (EN 13757-4 §12.2.4).
                encryption = data[at + size - 2] >> 5
                if encryption > 1:
                    raise DecodeError("extended link layer encryption %d is not defined" % encryption, at + size - 2)
                layers.ell_encrypted = encryption == 1
                layers.at = at + size - 1
                return
            layers.at = at + size + 1
            continue
        elif ci == AFL:
            _afl(layers, at)
            if layers.afl is not None and layers.afl[0] & 0xFF:
                if to_fragment:
                    return
                raise Fragment("fragment %d of a longer message" % (layers.afl[0] & 0xFF), at)
            continue
        layers.ci = ci
        layers.tpl_at = at
        if ci == 0x7A or ci in SHORT_TPL:
            if at + 5 > layers.end:
                raise DecodeError("transport header cut short", at)
            _configuration(layers, at + 1)
        elif ci in LONG_TPL:
            if at + 13 > layers.end:
                raise DecodeError("transport header cut short", at)
            if letters(data[at + 5] | data[at + 6] << 8) is None:
                raise DecodeError("no manufacturer code", at + 5)
            layers.address = data[at + 5:at + 7] + data[at + 1:at + 5] + data[at + 7:at + 9]
            _configuration(layers, at + 9)
        else:
            layers.at = at + 1
            if 0xA0 <= ci <= 0xA7:
                if layers.address[:2] in DIEHL:
                    _diehl(layers)
                elif layers.address[:2] == SAPPEL:
                    # Version and type are part of the number plate (see prios.py); the meter is a water meter.
                    layers.address = layers.address[:6] + b"\0\7"
        if layers.mode >= 16 and ci == 0x7A and layers.address[:2] in DIEHL:
            _diehl(layers)
        return


def _diehl(layers: Layers) -> None:
    address = layers.address
    layers.diehl = True
    layers.address = address[:2] + address[4:] + address[2:4]


def _configuration(layers: Layers, at: int) -> None:
    data = layers.data
    layers.access_number = data[at]
    layers.status = data[at + 1]
    configuration = data[at + 2] | data[at + 3] << 8
    layers.configuration = configuration
    layers.mode = configuration >> 8 & 31
    layers.at = at + 4


def _afl(layers: Layers, at: int) -> None:
    """Authentication and fragmentation layer (EN 13757-7 §6): 90 AFLL FCL(2) [MCL] [KI(2)] [MCR(4)] [MAC] [ML(2)]."""
    data = layers.data
    size = data[at + 1] if at + 1 < layers.end else 0
    end = at + 2 + size
    if size < 2 or end >= layers.end or layers.afl is not None:
        raise DecodeError("authentication layer cut short", at)
    fcl = data[at + 2] | data[at + 3] << 8
    layers.afl_at = at
    at += 4
    mcl = 0
    ki = counter = mac = length = None
    if fcl & 0x2000:
        mcl = data[at]
        at += 1
    if fcl & 0x0200:
        ki = data[at:at + 2]
        at += 2
    if fcl & 0x0800:
        counter = data[at:at + 4]
        at += 4
    if fcl & 0x0400:
        # A later fragment has no MCL that gives the MAC's length: it is what the other fields leave.
        count = {3: 2, 4: 4, 5: 8, 6: 12, 7: 16, 8: 8}.get(mcl & 15, end - at - (2 if fcl & 0x1000 else 0))
        mac = data[at:at + count]
        at += count
    if fcl & 0x1000:
        length = data[at:at + 2]
        at += 2
    if at != end:
        raise DecodeError("authentication layer of %d bytes, its flags say %d" % (size, size + at - end), end)
    layers.afl = (fcl, mcl, ki, counter, mac, length)
    layers.at = end


def fragment(telegram: bytes) -> "tuple[int, bool] | None":
    """(number from 1 on, whether more follow) of a fragment of a longer message; None for a telegram that is whole."""
    layers = begin(telegram)
    walk(layers, True)
    if layers.ci or layers.afl is None:
        return None
    return layers.afl[0] & 0xFF, layers.afl[0] & 0x4000 != 0


def meter(telegram: bytes) -> Meter:
    """The meter a telegram is of: the TPL's long header wins over the DLL address. DecodeError on nonsense."""
    return meter_of(head(telegram)[0])


def encrypted(layers: Layers) -> bool:
    """Whether the headers say that what follows the walked layers is cipher text."""
    return layers.ell_encrypted or layers.mode != 0


def sender(telegram: bytes) -> "tuple[bytes, int, int | None, int]":
    """(meter as its eight address bytes, CI, status byte or None where hidden, mark): all a relay asks of every
    telegram. The mark is the access number, which rises from telegram to telegram of a meter (EN 13757-7 §7.5.4), and
    above it the last byte, which tells two with the same number apart; 0 without an access number.

    The manufacturer's top bit is taken off: it tells that the address is unique in one network only, and is no part of
    the meter's name.
    """
    size = len(telegram)
    # The two commonest heads as in `head`; a maker not heard of late takes the long way, which keeps the letters, and
    # so does one with the top bit.
    if size > 22 and telegram[0] == size - 1 and (telegram[2] | telegram[3] << 8) in recent_makers:
        ci = telegram[10]
        if ci == 0x7A:
            mode = telegram[14] & 31
            if mode < 16 and mode != 7:
                return telegram[2:10], ci, telegram[12], telegram[11] | telegram[-1] << 8
        elif ci == 0x8D and telegram[16] >> 5 == 1:
            return telegram[2:10], ci, None, telegram[12] | telegram[-1] << 8
    return _sender_walked(telegram)


def _sender_walked(telegram):
    # By itself: MicroPython keeps a call's variables off the heap if they are few.
    address, ci, number, status, _ = head_walked(telegram)
    if address[1] & 0x80:
        address = address[:1] + bytes((address[1] & 0x7F,)) + address[2:]
    return address, ci, status, 0 if number is None else number | telegram[-1] << 8


def head(telegram: bytes) -> "tuple[bytes, int, int | None, int | None, bool]":
    """As `summary`, with the meter as its eight address bytes (M, ID, version, type)."""
    size = len(telegram)
    if size > 22 and telegram[0] == size - 1:
        # The two commonest heads without a detour: a short TPL header, an encrypted ELL right after the address.
        ci = telegram[10]
        if (telegram[2] | telegram[3] << 8) in recent_makers:
            if ci == 0x7A:
                mode = telegram[14] & 31
                if mode < 16 and mode != 7:
                    return telegram[2:10], ci, telegram[11], telegram[12], mode != 0
            elif ci == 0x8D and telegram[16] >> 5 == 1:
                return telegram[2:10], ci, telegram[12], None, True
    return head_walked(telegram)


def head_walked(telegram: bytes) -> "tuple[bytes, int, int | None, int | None, bool]":
    """`head` layer by layer, whatever the layers are."""
    layers = begin(telegram)
    walk(layers, True)
    if layers.ell_at is not None and layers.ci == 0 and layers.afl is None:
        if layers.ell_encrypted:
            return layers.address, telegram[layers.ell_at], layers.access_number, None, True
        access_number = layers.access_number
        layers.at += 2  # the payload CRC
        walk(layers, True)
        if layers.access_number is None:
            layers.access_number = access_number
    if layers.ci == 0:  # a fragment: only the link layer says whose, and what is in it shows in the whole message
        return layers.address, AFL, layers.access_number, None, True
    return layers.address, layers.ci, layers.access_number, layers.status, encrypted(layers)


def summary(telegram: bytes) -> Summary:
    """What can be read without any key: meter, CI, access number, status byte (None where hidden), encrypted."""
    address, ci, access_number, status, sealed = head(telegram)
    return Summary(meter_of(address), ci, access_number, status, sealed)
