"""An encoder for every dialect of the HAN port, built from the standards, for the tests of both runtimes.

It shares no code with han_reader: the check sums here are bitwise and the lists are written out.
"""

import gc
import struct

from support import corpus


def crc(data, polynomial, start):
    """A reflected CRC-16, bit by bit."""
    value = start
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ polynomial if value & 1 else value >> 1
    return value


def x25(data):
    """CRC-16/X-25 as it goes over the line: low byte first."""
    return struct.pack("<H", crc(data, 0x8408, 0xFFFF) ^ 0xFFFF)


# Framing


def frame(information, address=b"\x41\x08\x83", control=0x13, more=False):
    """One HDLC frame of type 3, flags included."""
    head_size = 2 + len(address) + 1
    size = head_size + 2 + len(information) + 2
    head = struct.pack(">H", 0xA000 | (0x0800 if more else 0) | size) + address + bytes((control,))
    body = head + x25(head) + information
    return b"\x7e" + body + x25(body) + b"\x7e"


LLC = b"\xe6\xe7\x00"


def segments(apdu, size, control=0x13, shared=False, counting=False, address=b"\xcf\x02\x23"):
    """An APDU in segmented HDLC frames of `size` bytes of information each."""
    data = LLC + apdu
    parts = [data[i:i + size] for i in range(0, len(data), size)]
    out = b""
    for i in range(len(parts)):
        c = (i & 7) << 1 | 0x10 if counting else control
        one = frame(parts[i], address, c, i < len(parts) - 1)
        out += one[1:] if shared and out else one
    return out


def blocks(apdu, size, address=b"\xce\xff\x03"):
    """An APDU by general block transfer, one block a frame; a list of frames."""
    parts = [apdu[i:i + size] for i in range(0, len(apdu), size)]
    out = []
    for i in range(len(parts)):
        control = 0xC0 if i == len(parts) - 1 else 0x40
        head = struct.pack(">BBHH", 0xE0, control, i + 1, 0)
        out.append(frame(LLC + head + ber(len(parts[i])) + parts[i], address))
    return out


def long_frames(apdu, size):
    """An APDU in wired M-Bus long frames of at most `size` bytes of data; a list of frames."""
    parts = [apdu[i:i + size] for i in range(0, len(apdu), size)]
    out = []
    for i in range(len(parts)):
        ci = i & 15 | (0x10 if i == len(parts) - 1 else 0)
        body = bytes((0x53, 0xFF, ci, 0x01, 0x67)) + parts[i]
        n = len(body) & 0xFF
        out.append(bytes((0x68, n, n, 0x68)) + body + bytes((sum(body) & 0xFF, 0x16)))
    return out


def telegram(lines, identification="NET5NETTI-TEST", crc_digits=True, end="\r\n"):
    """A P1 telegram."""
    text = ("/" + identification + end + end + "".join([line + end for line in lines]) + "!").encode()
    if crc_digits:
        text += ("%04X" % crc(text, 0xA001, 0)).encode()
    return text + end.encode()


# A-XDR


def ber(n):
    """A length field."""
    return bytes((n,)) if n < 128 else bytes((0x81, n)) if n < 256 else bytes((0x82, n >> 8, n & 255))


def structure(*items):
    """A structure of encoded items."""
    return b"\x02" + bytes((len(items),)) + b"".join(items)


def array(*items):
    """An array of encoded items."""
    return b"\x01" + bytes((len(items),)) + b"".join(items)


def octets(data):
    """An octet-string."""
    return b"\x09" + ber(len(data)) + data


def visible(text):
    """A visible-string."""
    return b"\x0a" + ber(len(text)) + text.encode()


def u32(n):
    """A double-long-unsigned."""
    return struct.pack(">BI", 6, n)


def u16(n):
    """A long-unsigned."""
    return struct.pack(">BH", 18, n)


def i16(n):
    """A long."""
    return struct.pack(">Bh", 16, n)


def obis(text):
    """An OBIS code as an octet-string."""
    medium, rest = text.split(":")
    return octets(bytes([int(x) for x in medium.split("-") + rest.split(".")]) + b"\xff")


def scaler_unit(scaler, unit):
    """The structure {scaler, unit}."""
    return b"\x02\x02\x0f" + struct.pack(">b", scaler) + b"\x16" + bytes((unit,))


def date_time(year, month, day, hour, minute, second, deviation=0x8000, status=0):
    """A COSEM date-time, 12 bytes."""
    return struct.pack(">HBBBBBBBHB", year, month, day, 1, hour, minute, second, 0xFF, deviation, status)


NO_TIME = b"\x00"


def plain_time(data):
    """The header's date-time as A-XDR writes it."""
    return b"\x0c" + data


def tagged_time(data):
    """The header's date-time with the tag of a Data value, as Kaifa writes it."""
    return b"\x09\x0c" + data


def notification(data, time=NO_TIME, invoke=b"\x40\x00\x00\x00"):
    """A DataNotification."""
    return b"\x0f" + invoke + time + data


# Lists: the values of one home, three phases


W, VAR, WH, VARH, A, V = 27, 29, 30, 32, 33, 35


def aidon(which, model="6534", it=False):
    """A Norwegian Aidon list 1, 2 or 3."""
    head = [structure(obis("1-1:0.2.129"), visible("AIDON_V0001")),
            structure(obis("0-0:96.1.0"), visible("7359990000000001")),
            structure(obis("0-0:96.1.7"), visible(model))]
    power = structure(obis("1-0:1.7.0"), u32(1234), scaler_unit(0, W))
    rest = [structure(obis("1-0:2.7.0"), u32(0), scaler_unit(0, W)),
            structure(obis("1-0:3.7.0"), u32(0), scaler_unit(0, VAR)),
            structure(obis("1-0:4.7.0"), u32(89), scaler_unit(0, VAR)),
            structure(obis("1-0:31.7.0"), i16(28), scaler_unit(-1, A))]
    if not it:
        rest.append(structure(obis("1-0:51.7.0"), i16(12), scaler_unit(-1, A)))
    rest += [structure(obis("1-0:71.7.0"), i16(15), scaler_unit(-1, A)),
             structure(obis("1-0:32.7.0"), u16(2301), scaler_unit(-1, V)),
             structure(obis("1-0:52.7.0"), u16(2319), scaler_unit(-1, V)),
             structure(obis("1-0:72.7.0"), u16(2306), scaler_unit(-1, V))]
    hour = [structure(obis("0-0:1.0.0"), octets(date_time(2025, 7, 14, 17, 0, 10, 0))),
            structure(obis("1-0:1.8.0"), u32(10955402), scaler_unit(1, WH)),
            structure(obis("1-0:2.8.0"), u32(7), scaler_unit(1, WH)),
            structure(obis("1-0:3.8.0"), u32(13048), scaler_unit(1, VARH)),
            structure(obis("1-0:4.8.0"), u32(1531994), scaler_unit(1, VARH))]
    if which == 1:
        return notification(array(power))
    items = head + [power] + rest + (hour if which == 3 else [])
    return notification(array(*items))


def kaifa(which, phases=3, it=False):
    """A Norwegian Kaifa list 1, 2 or 3: values only."""
    now = date_time(2025, 10, 26, 1, 30, 10)
    if which == 1:
        return notification(structure(u32(1234)), tagged_time(now))
    items = [octets(b"KFM_001"), octets(b"6970631400000001"), octets(b"MA304H3E"), u32(1234), u32(0), u32(0), u32(89)]
    if phases == 3:
        items += [u32(2800), u32(1207), u32(1503), u32(2301), u32(0 if it else 2319), u32(2306)]
    else:
        items += [u32(2800), u32(2301)]
    if which == 3:
        items += [octets(now), u32(109554020), u32(70), u32(130480), u32(15319940)]
    return notification(structure(*items), tagged_time(now))


def kamstrup(which, phases=3, spelling=plain_time, volts=(230, 231, 232), model="6841131BN243101040"):
    """A Norwegian Kamstrup list 1 (10 s) or 2 (hour): code and value, no scaler."""
    now = date_time(2025, 7, 14, 17, 0, 5)
    null = b"\x00"
    items = [visible("Kamstrup_V0001"), obis("1-1:0.0.5"), visible("5706567000000001"), obis("1-1:96.1.1"),
             visible(model), obis("1-1:1.7.0"), u32(1234), obis("1-1:2.7.0"), u32(0), obis("1-1:3.7.0"), u32(0),
             obis("1-1:4.7.0"), u32(89)]
    for code, value in (("1-1:31.7.0", 280), ("1-1:51.7.0", 120), ("1-1:71.7.0", 150)):
        items += [obis(code), u32(value)] if phases == 3 or code[4] == "3" else [null, null]
    for code, value in (("1-1:32.7.0", volts[0]), ("1-1:52.7.0", volts[1]), ("1-1:72.7.0", volts[2])):
        items += [obis(code), u16(value)] if phases == 3 or code[4] == "3" else [null, null]
    if which == 2:
        items += [obis("0-1:1.0.0"), octets(now), obis("1-1:1.8.0"), u32(10955402), obis("1-1:2.8.0"), u32(7),
                  obis("1-1:3.8.0"), u32(13048), obis("1-1:4.8.0"), u32(1531994)]
    return notification(structure(*items), spelling(now), bytes(4))


P1_LINES = (
    "1-3:0.2.8(50)", "0-0:1.0.0(250714170010S)", "0-0:96.1.1(4530303434303037313331363530363138)",
    "1-0:1.8.1(003432.827*kWh)", "1-0:1.8.2(003224.632*kWh)", "1-0:2.8.1(000000.000*kWh)",
    "1-0:2.8.2(000001.500*kWh)", "0-0:96.14.0(0001)", "1-0:1.7.0(01.234*kW)", "1-0:2.7.0(00.000*kW)",
    "0-0:96.7.21(00005)", "1-0:99.97.0(1)(0-0:96.7.19)(180417201458S)(0000000236*s)", "0-0:96.13.0()",
    "1-0:32.7.0(230.1*V)", "1-0:52.7.0(231.9*V)", "1-0:72.7.0(230.6*V)", "1-0:31.7.0(002*A)", "1-0:51.7.0(001*A)",
    "1-0:71.7.0(001*A)", "1-0:21.7.0(00.612*kW)", "1-0:41.7.0(00.278*kW)", "1-0:61.7.0(00.344*kW)",
    "0-1:24.1.0(003)", "0-1:96.1.0(4730303339303031363532303530323136)", "0-1:24.2.1(250714165510S)(00671.790*m3)",
)


P1_OLD = (
    "0-0:96.1.1(4530303434303037313331363530363138)", "1-0:1.8.1(16719.940*kWh)", "1-0:1.8.2(19403.220*kWh)",
    "0-0:96.14.0(0002)", "1-0:1.7.0(0000.89*kW)", "0-0:17.0.0(0999.00*kW)", "0-0:96.13.1()", "0-1:24.1.0(3)",
    "0-1:24.3.0(211122210000)(00)(60)(1)(0-1:24.2.1)(m3)", "(13368.864)", "0-1:24.4.0(1)",
)


def security(apdu, aes, ek, ak, title=b"NET00001", counter=7, control=0x30):
    """A general-glo-ciphering APDU."""
    content = sealed(apdu, aes, ek, ak, b"", title, counter, control)
    return b"\xdb\x08" + title + ber(len(content)) + content


def general(apdu, aes, ek, ak, extra, title=b"NET00001", counter=7, control=0x30):
    """A general-ciphering APDU with these header fields and no key information."""
    content = sealed(apdu, aes, ek, ak, extra, title, counter, control)
    return b"\xdd" + extra + b"\x00" + ber(len(content)) + content


def sealed(apdu, aes, ek, ak, extra, title, counter, control):
    """SC, counter, ciphertext and tag; GCM written out bit by bit (NIST SP 800-38D)."""
    iv = title + struct.pack(">I", counter)
    cipher = aes(ek)
    h = int.from_bytes(cipher.ecb_encrypt(bytes(16)), "big")
    text = b""
    if control & 0x20:
        for i in range(0, len(apdu), 16):
            stream = cipher.ecb_encrypt(iv + struct.pack(">I", i // 16 + 2))
            text += bytes([a ^ b for a, b in zip(apdu[i:i + 16], stream)])
        aad = bytes((control,)) + ak + extra
    else:
        text = apdu
        aad = bytes((control,)) + ak + extra + apdu
    tag = b""
    if control & 0x10:
        over = text if control & 0x20 else b""
        data = aad + bytes(-len(aad) % 16) + over + bytes(-len(over) % 16)
        data += struct.pack(">QQ", len(aad) * 8, len(over) * 8)
        y = 0
        for i in range(0, len(data), 16):
            x = y ^ int.from_bytes(data[i:i + 16], "big")
            y = 0
            v = h
            for bit in range(127, -1, -1):
                if x >> bit & 1:
                    y ^= v
                v = (v >> 1) ^ (0xE1 << 120) if v & 1 else v >> 1
        mask = int.from_bytes(cipher.ecb_encrypt(iv + b"\x00\x00\x00\x01"), "big")
        tag = (y ^ mask).to_bytes(16, "big")[:12]
    return bytes((control,)) + struct.pack(">I", counter) + text + tag


def aes(key):
    """An AES of the runtime: the object han_reader expects of its caller."""
    try:
        from cryptolib import aes as cipher
    except ImportError:
        return _Cipher(key)
    return _Small(cipher, key)


class _Small:
    """AES-ECB on MicroPython: one direction an object."""

    def __init__(self, cipher, key):
        self._cipher = cipher
        self._key = key

    def ecb_encrypt(self, data):
        return self._cipher(self._key, 1).encrypt(data)

    def ecb_decrypt(self, data):
        return self._cipher(self._key, 1).decrypt(data)


class _Cipher:
    """AES-ECB on CPython."""

    def __init__(self, key):
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        self._aes = Cipher(algorithms.AES(key), modes.ECB())

    def ecb_encrypt(self, data):
        return self._aes.encryptor().update(data)

    def ecb_decrypt(self, data):
        return self._aes.decryptor().update(data)


def rows_of(name):
    """The rows of a capture file."""
    return swept(corpus(name))


def swept(rows):
    """The rows as they are. They are large: on a device the heap is swept after each."""
    for row in rows:
        yield row
        if hasattr(gc, "mem_free"):
            gc.collect()
