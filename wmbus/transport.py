"""From the telegram's head to its application data: DLL address, ELL, AFL and TPL (EN 13757-4 §11-13, EN 13757-7 §6-7).

`Layers` is filled front to back by `walk`, which stops at whatever needs a key. Nothing is decrypted here. Offsets are
into `data`, which is the telegram itself until a layer has been decrypted and replaces it.
"""

from collections import namedtuple

from .errors import DecodeError

Meter = namedtuple("Meter", ("manufacturer", "id", "version", "type"))
Summary = namedtuple("Summary", ("meter", "ci", "access_number", "status", "encrypted"))

# CI fields by what follows them (EN 13757-7 table 2, EN 13757-4 table 28, EN 13757-3 table 2).
SHORT_TPL = (0x7A, 0x7B, 0x6A, 0x5A, 0x61, 0x65, 0x6E, 0x74, 0x7D, 0x7F, 0x8A)
LONG_TPL = (0x72, 0x73, 0x6B, 0x53, 0x5B, 0x60, 0x64, 0x6C, 0x6D, 0x6F, 0x75, 0x7C, 0x7E, 0x80, 0x8B)
ELL = {0x8C: 2, 0x8D: 8, 0x8E: 10, 0x8F: 16}  # CI: bytes after it (8D and 8F: with session number and payload CRC)
AFL = 0x90

MEDIA = {
    0x00: "other", 0x01: "oil", 0x02: "electricity", 0x03: "gas", 0x04: "heat", 0x05: "steam", 0x06: "warm water",
    0x07: "water", 0x08: "heat cost allocation", 0x09: "compressed air", 0x0A: "cooling load volume at outlet",
    0x0B: "cooling load volume at inlet", 0x0C: "heat volume at inlet", 0x0D: "heat/cooling load",
    0x0E: "bus/system component", 0x0F: "unknown", 0x14: "calorific value", 0x15: "hot water", 0x16: "cold water",
    0x17: "hot/cold water", 0x18: "pressure", 0x19: "a/d converter", 0x1A: "smoke detector", 0x1B: "room sensor",
    0x1C: "gas detector", 0x20: "breaker", 0x21: "valve", 0x25: "customer unit", 0x28: "waste water", 0x29: "garbage",
    0x2A: "carbon dioxide", 0x31: "communication controller", 0x32: "unidirectional repeater",
    0x33: "bidirectional repeater", 0x36: "radio converter (system side)", 0x37: "radio converter (meter side)",
}


def letters(code: int) -> str:
    """The three letters of a manufacturer code (EN 62056-21, five bits each)."""
    return chr((code >> 10 & 31) + 64) + chr((code >> 5 & 31) + 64) + chr((code & 31) + 64)


def meter_text(meter: Meter) -> str:
    """A meter as text, 'KAM-12345678-1B-16': version and type in hex."""
    return "%s-%s-%02X-%02X" % (meter.manufacturer, meter.id, meter.version, meter.type)


def parse_meter(text: str) -> Meter:
    """The meter named by `meter_text`'s form; DecodeError when the text has another form."""
    parts = text.strip().upper().split("-")
    letters_ = all("A" <= c <= "Z" for c in parts[0])
    if letters_ and len(parts) == 4 and [len(part) for part in parts] == [3, 8, 2, 2]:
        try:
            int(parts[1], 16)
            version = int(parts[2], 16)
            kind = int(parts[3], 16)
        except ValueError:
            version = kind = -1
        if version >= 0 and kind >= 0:
            return Meter(parts[0], parts[1], version, kind)
    raise DecodeError("not a meter (MAN-12345678-VV-TT): " + text[:40])


# Diehl, Hydrometer and EWT radio modules put version and type in front of the number in the DLL address of the frames
# that use their own cipher (PRIOS): with CI A0-A7, and with CI 7A and a security mode of 16 or above.
DIEHL = (b"\xa5\x11", b"\x24\x23", b"\xf4\x16")  # DME, HYD, EWT
SAPPEL = b"\x30\x4c"  # SAP


class Layers:
    """What the layers below the records say. `address` is M(2) ID(4) version type of the meter, as IVs need it."""

    def __init__(self, telegram: bytes):
        self.data = telegram
        self.at = 10            # where the next CI field is, or where the application data begins once `ci` is final
        self.end = len(telegram)
        self.address = telegram[2:10]
        self.ci = 0
        self.access_number: "int | None" = None
        self.status: "int | None" = None
        self.mode = 0           # security mode of the TPL
        self.configuration = 0
        self.ell_at: "int | None" = None  # where the ELL's CI is, when there is one
        self.ell_encrypted = False
        self.afl_at: "int | None" = None
        self.afl: "tuple | None" = None  # (FCL, MCL, KI, MCR bytes, MAC bytes, ML), see `_afl`
        self.tpl_at = 0         # where the TPL's CI is
        self.wired = False
        self.key = self.aes = None  # for a maker's own frame that has a cipher of its own
        self.diehl = False      # Diehl's own order of address and own cipher


def meter_of(address: bytes) -> Meter:
    """The meter named by M(2 LE) ID(4 LE) version type."""
    return Meter(letters(address[0] | address[1] << 8),
                 "%02X%02X%02X%02X" % (address[5], address[4], address[3], address[2]), address[6], address[7])


def address_of(meter: Meter) -> bytes:
    """M(2 LE) ID(4 LE) version type of a meter: what `meter_of` takes."""
    letters_ = meter.manufacturer
    code = (ord(letters_[0]) - 64) << 10 | (ord(letters_[1]) - 64) << 5 | (ord(letters_[2]) - 64)
    number = int(meter.id, 16)
    return bytes((code & 255, code >> 8, number & 255, number >> 8 & 255, number >> 16 & 255, number >> 24,
                  meter.version, meter.type))


def begin(telegram: bytes) -> Layers:
    """Check the frame's outer form, wireless or wired, and return its layers with nothing walked yet."""
    size = len(telegram)
    if size >= 11 and telegram[0] == (size - 1) & 0xFF:  # over 256 bytes: put together from fragments
        code = telegram[2] | telegram[3] << 8
        # The top bit of M tells a locally unique address; each letter has five bits, A = 1 .. Z = 26.
        if not (0 < (code >> 10 & 31) < 27 and 0 < (code >> 5 & 31) < 27 and 0 < (code & 31) < 27):
            raise DecodeError("no manufacturer code", 2)
        return Layers(telegram)
    if size >= 9 and telegram[0] == telegram[3] == 0x68 and telegram[1] == telegram[2] == size - 6:
        return _wired(telegram)
    if size < 11:
        raise DecodeError("telegram too short", size)
    if 0 < size - 1 - telegram[0] <= 4 and telegram[0] > 9:
        # A receiver that took the CRCs off the length and left one in place, or the like: read what is whole.
        return begin(bytes((size - 1,)) + telegram[1:])
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

    With `to_fragment` stop behind the AFL: a fragment's rest has no meaning by itself.
    """
    while True:
        data = layers.data
        at = layers.at
        if at >= layers.end:
            raise DecodeError("no CI field", at)
        ci = data[at]
        if ci in (0x7A, 0x72):
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
            if to_fragment:
                return
            if layers.afl is not None and layers.afl[0] & 0xFF:
                raise DecodeError("fragment %d of a longer message" % (layers.afl[0] & 0xFF), at)
            continue
        layers.ci = ci
        layers.tpl_at = at
        if ci in SHORT_TPL:
            if at + 5 > layers.end:
                raise DecodeError("transport header cut short", at)
            _configuration(layers, at + 1)
        elif ci in LONG_TPL:
            if at + 13 > layers.end:
                raise DecodeError("transport header cut short", at)
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


def meter(telegram: bytes) -> Meter:
    """The meter a telegram is of: the TPL's long header wins over the DLL address. DecodeError on nonsense."""
    layers = begin(telegram)
    walk(layers)
    return meter_of(layers.address)


def encrypted(layers: Layers) -> bool:
    """Whether what follows the walked layers is cipher text; a captured telegram whose 2F2F is readable is not."""
    if layers.ell_encrypted:
        return True
    if layers.mode == 0 or layers.ci not in SHORT_TPL and layers.ci not in LONG_TPL:
        return False
    at = layers.at + (1 if layers.mode == 7 else 0)
    return layers.data[at:at + 2] != b"\x2f\x2f"


def summary(telegram: bytes) -> Summary:
    """What can be read without any key: meter, CI, access number, status byte (None where hidden), encrypted."""
    layers = begin(telegram)
    walk(layers)
    if layers.ell_at is not None and layers.at > layers.ell_at and layers.ci == 0:
        if layers.ell_encrypted:
            return Summary(meter_of(layers.address), telegram[layers.ell_at], layers.access_number, None, True)
        access_number = layers.access_number
        layers.at += 2  # the payload CRC
        walk(layers)
        if layers.access_number is None:
            layers.access_number = access_number
    return Summary(meter_of(layers.address), layers.ci, layers.access_number, layers.status, encrypted(layers))
