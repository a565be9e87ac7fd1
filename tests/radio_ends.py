"""The far ends of the radios: each a module, stick or program as its papers have it, scripted, byte for byte.

`ENDS` has one for each radio of firmware/radios; the contract (test_radios.py) runs them all. An end says what it
answers (`take`), what it sends for a telegram in the air (`air`, b"" while it was not told to hear), what a damaged
frame of its looks like, and what it is like after a restart. Checks are reckoned here anew, bit by bit.
"""

import binascii

import wmbus_cases as cases

LEVELS = (-100, -74, -51, -30)


def bit_by_bit(data, polynomial, value):
    """A reflected CRC-16."""
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
    return value


def fcs(data):
    """The check of IMST's messages."""
    return cases.little(bit_by_bit(data, 0x8408, 0xFFFF) ^ 0xFFFF)


def signed(byte):
    """A byte as -128 to 127."""
    return byte - 256 if byte > 127 else byte


class End:
    """What all have in common; the plainest are programs that nobody speaks to."""

    CHECKED = True  # whether a flipped bit is noticed
    ALONE = False  # whether a frame is found right behind noise, without a pause
    LONGEST = 255  # the greatest L field it can pass on
    ABSURD_RAISES = False  # whether an absurd length ends the connection
    RSSI = True
    FORGETS = True  # whether a restart costs it what it was told

    def __init__(self):
        self.told = []  # each thing that was changed in it
        self.mute = False
        self.ready = False

    def take(self, data):
        """What it answers."""
        return b""

    def restart(self):
        """It restarts; what it says."""
        return b""

    def air(self, telegram, rssi=-70):
        """What it sends when it hears a telegram."""
        return self.frame(telegram, self.level(rssi)) if self.ready else b""

    def level(self, rssi):
        """The byte for a signal strength in dBm."""
        return rssi & 255

    def frame(self, telegram, level):
        """A telegram as it comes over the line."""
        raise NotImplementedError

    def damaged(self, telegram):
        """Frames that it or its check says are bad."""
        whole = self.frame(telegram, self.level(-70))
        return [cases.flipped(whole, bit) for bit in (len(whole) * 4, len(whole) * 8 - 20)]

    def noise(self, seed):
        """What a line in trouble gives."""
        return bytes([(seed * 7919 + i * i * 31 + (i >> 2) * 77) & 255 for i in range(150)])

    def absurd(self):
        """A frame of a length that none has, or without an end."""
        return self.noise(3) * 30


class Bursts(End):
    ABSURD_RAISES = True
    ALONE = True

    def __init__(self):
        End.__init__(self)
        self.ready = True

    def burst(self, raw, level):
        return cases.big(len(raw) + 1) + bytes((level,)) + raw

    def frame(self, telegram, level):
        return self.burst(b"\x54\x3d\x54\xcd" + cases.frame_a(telegram), level)

    def damaged(self, telegram):
        raw = b"\x54\x3d\x54\xcd" + cases.frame_a(telegram)
        return [self.burst(cases.flipped(raw, 100), 0xB0), self.burst(raw[:-3], 0xB0),
                self.burst(raw[:10], 0xB0) + self.burst(raw[10:], 0xB0),  # one does not run into the next
                self.burst(b"\x54\x3d" + cases.coded(cases.frame_a(telegram))[:-3] + b"\0\0\0", 0xB0)]

    def noise(self, seed):
        return self.burst(b"\x54\x3d" + cases.noise(40, seed), 0xA6)

    def absurd(self):
        return b"\xff\xff12345"


class Lines(End):
    CHECKED = False
    RSSI = False

    def __init__(self):
        End.__init__(self)
        self.ready = True

    def noise(self, seed):
        return End.noise(self, seed).replace(b"\n", b"!") + b"\n"


class RtlWmbus(Lines):
    def line(self, verdict, telegram):
        return verdict + b";2026-11-24 07:16:00.000;97;52;12345678;0x" + binascii.hexlify(telegram) + b"\n"

    def frame(self, telegram, level):
        return self.line(b"C1;1;1", telegram)

    def damaged(self, telegram):
        return [self.line(b"T1;0;1", telegram), self.line(b"T1;1;0", telegram), self.line(b"T1;0;0", telegram),
                self.line(b"C1;1;1", telegram[:-1]), self.line(b"C1;1;1", telegram)[:-2] + b"\n",
                b"C1;1;1;;;;;0xzz\n", b"C1;1\n"]


class Rtl433(Lines):
    def row(self, telegram, data, mic="CRC", version=None):
        return ('{"time" : "2026-11-24 07:16:00", "model" : "Wireless-MBus", "mode" : "T", "M" : "NET", '
                '"id" : 12345678, "version" : %d, "type" : %d, "type_string" : "Water", "C" : %d, "data_length" : %d,'
                ' "data" : "%s", "mic" : "%s", "CI" : 122, "rssi" : -3.1}\n' % (
                    telegram[8] if version is None else version, telegram[9], telegram[1], len(data),
                    binascii.hexlify(data).decode(), mic)).encode()

    def frame(self, telegram, level):
        return self.row(telegram, telegram)

    def damaged(self, telegram):
        return [self.row(telegram, telegram, "NONE"), self.row(telegram, telegram[:-1]),
                self.row(telegram, telegram, version=99), self.row(telegram, b""),
                self.row(telegram, telegram).replace(b'"data" :', b'"date" :'),
                self.row(telegram, cases.flipped(self.older(telegram), 8 * len(telegram) - 30)), b"[1]\n", b"{\n",
                b"[" * 3000 + b"\n"]

    def older(self, telegram):
        """The data of releases that show L two too small, and the last block's CRC."""
        last = telegram[-((telegram[0] - 9) % 16 or 16):]
        return bytes((telegram[0] - 2,)) + telegram[1:] + cases.big(cases.crc(last))


class Im871a(End):
    """An iM871A: firmware 1.4, link mode S2 in its flash."""

    ALONE = True
    FIRMWARE = 0x14

    def __init__(self):
        End.__init__(self)
        self.restart()

    def restart(self):
        self.mode, self.rssi, self.ready = 2, 0, False
        return b""

    def level(self, rssi):
        return round((rssi + 380 / 3) * 15 / 8)

    def message(self, control, number, payload, more=b""):
        data = bytes((0x80 | control, number, len(payload))) + payload + more
        return b"\xa5" + data + fcs(data)

    def take(self, data):
        out = b""
        while data:
            assert data[0] == 0xA5 and data[1] == 0x81, data
            size = 4 + data[3] + 2
            assert fcs(data[1:size - 2]) == data[size - 2:size], data
            out += self.answer(data[2], data[4:size - 2])
            data = data[size:]
        return out

    def answer(self, number, payload):
        if number == 15:
            return self.message(1, 16, b"\x33\x00" + bytes((self.FIRMWARE, 1)) + b"\xf1\x3a\x00\x00")
        if number == 3:
            assert payload[:2] == b"\0\x02" and payload[3:] == b"\x38\0\1\0", payload  # in RAM; awake, RSSI, no time
            assert payload[2] == (10 if self.FIRMWARE >= 0x14 else 3)
            self.mode, self.rssi, self.ready = payload[2], 1, True
            self.told.append(payload)
            return self.message(1, 4, b"")
        assert number == 5, number
        return self.message(1, 6, bytes((0xFF, 0, self.mode)) + bytes(9) + bytes((0x01, 0xFF, 7, 2, 0x32, 0, self.rssi))
                            + bytes(4))

    def frame(self, telegram, level):
        return self.message(0x42, 3, telegram[1:], bytes((level,)))

    def damaged(self, telegram):
        return End.damaged(self, telegram) + [self.message(0x42, 3, telegram[1:5], b"\x50")]

    def absurd(self):
        return b"\xa5\xf2\x03\xff"


class Slip(End):
    ALONE = True

    def message(self, service, number, payload):
        data = bytes((service, number)) + payload
        out = b"\xc0"
        for byte in data + fcs(data):
            out += {0xC0: b"\xdb\xdc", 0xDB: b"\xdb\xdd"}.get(byte) or bytes((byte,))
        return out + b"\xc0"

    def take(self, data):
        out = b""
        for part in data.split(b"\xc0"):
            if part:
                message = part.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")
                assert fcs(message[:-2]) == message[-2:], data
                out += self.answer(message[0], message[1], message[2:-2])
        return out

    def answer(self, service, number, payload):
        raise NotImplementedError

    def absurd(self):
        return b"\xc0" + self.noise(3).replace(b"\xc0", b"\xc1") * 30


class Iu891a(Slip):
    """An iU891A-XL: off in its flash, and a configuration whose bytes have to be escaped."""

    def __init__(self):
        Slip.__init__(self)
        self.restart()

    def restart(self):
        self.config, self.ready = b"\x00\x01\x00\xc0\xdb\x00\x00\x00\x00\x00\x00", False
        return b""

    def answer(self, service, number, payload):
        if (service, number) == (1, 5):
            return self.message(1, 6, b"\0\x09\x01\xd2\x0414.11.2024WMBusGateway")
        if (service, number) == (9, 1):
            return self.message(9, 2, b"\0" + self.config)
        assert (service, number) == (9, 3) and payload[:2] == b"\x03\x02" and payload[2:] == self.config[2:], payload
        self.config, self.ready = payload, True
        self.told.append(payload)
        return self.message(9, 4, b"\0")

    def frame(self, telegram, level):
        return self.message(9, 0x20, b"\x12\xc0\xdb\x66\x02\x05\x05" + bytes((level,)) + telegram)

    def damaged(self, telegram):
        return End.damaged(self, telegram) + [
            self.message(9, 0x20, bytes(8) + telegram[:-1]), self.message(9, 0x20, b"\0"),
            self.frame(telegram, 0xB0)[:-1] + b"\xdb\xc0"]


class Iu880b(Slip):
    """An iU880B with LR Base firmware, in radio mode 0."""

    def __init__(self):
        Slip.__init__(self)
        self.mode = 0

    def restart(self):
        self.mode, self.ready = 0, False
        return self.message(1, 0x20, b"")

    def answer(self, service, number, payload):
        assert service == 1, service
        if number == 3:
            return self.message(1, 4, b"\0\x99\x34\x12\x10\x00\x78\x56\x34\x12")
        if number == 0x13:
            return self.message(1, 0x14, bytes((0, self.mode)) + bytes(20))
        assert number == 0x19 and payload == b"\x02", (number, payload)
        self.mode, self.ready = 2, True
        self.told.append(payload)
        return self.message(1, 0x1A, b"\0")

    def frame(self, telegram, level):
        return self.message(3, 8, b"\x01" + b"\x01\x10\x34\x12\x10\x35\x12" + telegram + bytes((level, 0xFF)) + b"\x09"
                            + b"\x01\x02\x03\x04")

    def damaged(self, telegram):
        return End.damaged(self, telegram) + [self.message(3, 8, b"\0" + telegram[:-1])]


class Amber(End):
    """A module of Amber's as it comes: transparent, without RSSI."""

    ALONE = True
    LONGEST = 254
    FORGETS = True
    MODE: "int | None" = 9

    def __init__(self):
        End.__init__(self)
        self.memory = {0x05: 0, 0x45: 0, 0x46: 3}
        self.restart()

    def restart(self):
        self.framing, self.rssi = self.memory[0x05], self.memory[0x45]
        self.mode = self.memory[0x46]
        self.ready = self.MODE is None and bool(self.framing and self.rssi)
        return b""

    def command(self, number, data):
        out = bytes((0xFF, number, len(data))) + data
        check = 0
        for byte in out:
            check ^= byte
        return out + bytes((check,))

    def take(self, data):
        assert data == self.command(data[1], data[3:-1]), data
        number, data = data[1], data[3:-1]
        if number == 0x0C:
            return self.command(0x8C, b"\x02\x07\x00")
        if number == 0x0A:
            assert data[1] == 1
            return self.command(0x8A, data + bytes((self.memory[data[0]],)))
        if number == 0x09:
            assert data[1] == 1 and self.memory[data[0]] != data[2], "written without need"
            self.memory[data[0]] = data[2]
            self.told.append(data)
            return self.command(0x89, b"\0")
        if number == 0x05:
            self.restart()
            return self.command(0x85, b"\0")
        assert number == 0x04 and self.MODE is not None and data == bytes((self.MODE,)), (number, data)
        self.ready = bool(self.framing and self.rssi)
        return self.command(0x84, b"\0")

    def level(self, rssi):
        return (rssi + 74) * 2 & 255

    def frame(self, telegram, level):
        return self.command(0x03, telegram[1:] + bytes((level,)))

    def damaged(self, telegram):
        return End.damaged(self, telegram) + [self.command(0x03, telegram[1:6] + b"\xb0"), self.command(0x03, b"")]

    def absurd(self):
        return b"\xff\x03\xff" + bytes(100)


class Amb3665(Amber):
    MODE = None
    FORGETS = False


class Rc1180(End):
    """An RC1180-MBUS as it comes: mode S2, without RSSI."""

    CHECKED = False
    LONGEST = 254
    FORGETS = False
    SIZE = 256

    def __init__(self):
        End.__init__(self)
        self.memory = bytearray(self.SIZE)
        self.memory[:7] = b"\x01\x05\x03\x00\x00\x00\x64"
        self.memory[0x36] = 4
        self.memory[97:119] = b"RC1180-MPC1,2.00,0.18E"
        self.state = ""

    def restart(self):
        self.state = ""
        return b""

    def take(self, data):
        if self.state == "":
            assert data == b"\0", data
            self.state = "config"
            return b">"
        if self.state == "pairs":
            assert data[-1] == 255 and len(data) % 2
            for at in range(0, len(data) - 1, 2):
                assert self.memory[data[at]] != data[at + 1], "written without need"
                self.memory[data[at]] = data[at + 1]
                self.told.append(data[at:at + 2])
            self.state = "config"
            return b">"
        if data == b"\0":
            return b""
        if data == b"0":
            return bytes(self.memory) + b">"
        if data == b"M":
            self.state = "pairs"
            return b">"
        assert data == b"X", data
        self.state = ""
        self.ready = self.memory[3] == 1 and self.memory[5] == 1 and self.memory[0x36] == 0
        return b""

    def air(self, telegram, rssi=-70):
        return End.air(self, telegram, rssi) if self.state == "" else b""

    def level(self, rssi):
        return -rssi * 2 & 255

    def frame(self, telegram, level):
        return bytes((telegram[0] + 1,)) + telegram[1:] + bytes((level,))

    def damaged(self, telegram):
        good = self.frame(telegram, 0x80)
        return [good[:1] + b"\x99" + good[2:], good[:2] + b"\0\0" + good[4:], b"\x05" + good]

    def absurd(self):
        return b"\xff\xff" * 700


class Cul(End):
    """A nanoCUL with the culfw that knows mode C."""

    VERSION = b"V 1.67 nanoCUL868_r568\r\n"
    MODES = {b"brc": b"CMODE", b"brt": b"TMODE"}

    def __init__(self):
        End.__init__(self)
        self.mode, self.reports = b"OFF", False

    def restart(self):
        self.mode, self.reports, self.ready = b"OFF", False, False
        return b""

    def take(self, data):
        out = b""
        for line in data.split(b"\r\n"):
            if line == b"V":
                out += self.VERSION
            elif line == b"X21":
                self.reports = True
            elif line == b"b":
                out += self.mode + b"\r\n"
            elif line:
                self.mode = self.MODES.get(line, b"OFF")
                self.ready = self.mode != b"OFF" and self.reports
                self.told.append(line)
                out += self.mode + b"\r\n"
        return out

    def level(self, rssi):
        return (rssi + 74) * 2 & 255

    def line(self, mark, frame, level):
        return mark + binascii.hexlify(frame + bytes((0x83, level))).upper() + b"\r\n"

    def frame(self, telegram, level):
        # Of format B where that is short enough, as a meter in mode C1 sends it.
        if len(telegram) < 126:
            return self.line(b"bY", cases.frame_b(telegram), level)
        return self.line(b"b", cases.frame_a(telegram), level)

    def damaged(self, telegram):
        frame = cases.frame_a(telegram)
        return [self.line(b"b", cases.flipped(frame, 90), 0xB0), self.line(b"bY", frame, 0xB0),
                self.line(b"b", frame[:-1], 0xB0), self.line(b"b", frame, 0xB0)[:-3] + b"\r\n", b"bY25\r\n", b"bz\r\n"]

    def absurd(self):
        return b"b" + b"44" * 3000


ENDS = {"amb3665": Amb3665, "amb8465": Amber, "bursts": Bursts, "cul": Cul, "im871a": Im871a, "iu880b": Iu880b,
        "iu891a": Iu891a, "rc1180": Rc1180, "rtl433": Rtl433, "rtlwmbus": RtlWmbus}
