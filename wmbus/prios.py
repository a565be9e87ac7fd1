"""Diehl's PRIOS: a shift register that hides the data of IZAR modules, and the frame of their water meters.

Not a cipher in the usual sense: its two start values are the same for all meters and have been public for years. The
register is stirred with ten bytes of the frame as it was sent.
"""

from .errors import DecodeError
from .values import date

STARTS = (0x39BC8A10 ^ 0xE66D83F8, 0x51728910 ^ 0xE66D83F8)


_STEPS: "list[int]" = []


def _steps() -> "list[int]":
    """What eight steps of the register make of each of its eight nibbles: the register is linear, so they are xored."""
    if not _STEPS:
        for shift in range(0, 32, 4):
            for nibble in range(16):
                register = nibble << shift
                for _ in range(8):
                    bit = (register >> 1 ^ register >> 2 ^ register >> 11 ^ register >> 31) & 1
                    register = register << 1 & 0xFFFFFFFE | bit
                _STEPS.append(register)
    return _STEPS


def descramble(frame: bytes, start: int, at: int, end: int) -> bytes:
    """`frame[at:end]` xored with the register's output; the frame is the telegram with its address as sent.

    The register is one of Fibonacci's: bits 1, 2, 11 and 31 make the next bit, eight steps make the next byte.
    """
    register = start
    for offset in (2, 6, 10):
        register ^= int.from_bytes(frame[offset:offset + 4], "big")
    steps = _steps()
    out = bytearray(end - at)
    for i in range(end - at):
        register = (steps[register & 15] ^ steps[16 + (register >> 4 & 15)] ^ steps[32 + (register >> 8 & 15)]
                    ^ steps[48 + (register >> 12 & 15)] ^ steps[64 + (register >> 16 & 15)]
                    ^ steps[80 + (register >> 20 & 15)] ^ steps[96 + (register >> 24 & 15)]
                    ^ steps[112 + (register >> 28)])
        out[i] = frame[at + i] ^ register & 0xFF
    return bytes(out)


def open_real_data(layers) -> None:
    """Security modes 16 and up of Diehl's CI 7A: the configuration's high byte is the sum of the plain bytes."""
    data = layers.data
    check = layers.configuration >> 8 & 0xEF
    at = layers.at
    plain = data[at:layers.end]
    for start in ((0,) if layers.decrypted else ()) + STARTS:
        if start:
            plain = descramble(data, start, at, layers.end)
        if sum(plain) & 0xEF == check:
            layers.data = data[:at] + plain
            return
    raise DecodeError("PRIOS checksum wrong with the known start values", at)


# Bits of the three bytes before the scrambled data, as one little-endian number; words as the maker's tools have them.
STATUS = (
    (0x000080, "GENERAL_ALARM", None),
    (0x008000, "LEAKAGE", "leak"),
    (0x004000, "PREV_LEAKAGE", None),
    (0x002000, "METER_BLOCKED", "no_flow"),
    (0x800000, "BACK_FLOW", "reverse"),
    (0x400000, "UNDERFLOW", None),
    (0x200000, "OVERFLOW", "over_range"),
    (0x100000, "SUBMARINE", None),
    (0x080000, "SENSOR_FRAUD", "tamper"),
    (0x040000, "PREV_SENSOR_FRAUD", None),
    (0x020000, "MECHANICAL_FRAUD", "tamper"),
    (0x010000, "PREV_MECHANICAL_FRAUD", None),
)


def water(layers, reading: dict, words: list, alarms: list) -> None:
    """The IZAR water frame: CI A0-A7, transmit period, battery and alarms in plain, registers scrambled."""
    from .plan import flags
    data = layers.data
    at = layers.at
    if at != 11 or layers.ci > 0xA7 or layers.end < 26:
        raise DecodeError("no whole IZAR frame", layers.tpl_at)
    for start in STARTS:
        plain = descramble(data, start, 15, layers.end)
        if plain[0] == 0x4B:
            break
    else:
        raise DecodeError("PRIOS header wrong with the known start values", 15)
    reading["total_m3"] = int.from_bytes(plain[1:5], "little") / 1000
    reading["target_m3"] = reading["last_month_total_m3"] = int.from_bytes(plain[5:9], "little") / 1000
    day = date(plain[9] | plain[10] << 8)
    if day:
        reading["target_date"] = reading["last_month_measure_date"] = day
    reading["transmit_period_s"] = 1 << (data[11] & 15) + 2
    reading["battery_y"] = reading["remaining_battery_life_y"] = (data[12] & 31) / 2
    flags((data[11] | data[12] << 8 | data[13] << 16) & 0xFFE080, STATUS, "UNKNOWN_%X", words, alarms)


def number_plate(telegram: bytes, reading: dict) -> None:
    """Sappel's meter number: year of manufacture and serial number in the low 26 bits, letters in the bits above."""
    number = int(reading["id"], 16)
    digits = str(number & 0x3FFFFFF)
    if len(digits) < 3:
        return
    year = int(digits[:2])
    above = telegram[8] | telegram[9] << 8
    reading["manufacture_y"] = year + (1900 if year > 70 else 2000)
    reading["serial_number"] = digits[2:]
    reading["prefix"] = "%c%s%c%c" % (64 + (above >> 7 & 31), digits[:2], 64 + (above >> 2 & 31),
                                      64 + ((above & 3) << 3 | number >> 29))
