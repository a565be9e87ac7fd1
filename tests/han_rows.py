"""Our own messages in the form the captures have, so that each test of captures also runs where there are none.

`rows()`: the lists of every maker and every kind of list, in every framing, plain and ciphered, and P1 telegrams; and
what is not whole, which must give nothing. A row is a dict as a line of the captures' file; what it states are the
values the encoder was given.
"""

import han_vectors as v

EK, AK = bytes(range(16)), bytes(range(16, 32))
POWERS = {"1-0:1.7.0": [1234, "W"], "1-0:2.7.0": [0, "W"], "1-0:3.7.0": [0, "var"], "1-0:4.7.0": [89, "var"]}
CURRENTS = {"1-0:31.7.0": [2.8, "A"], "1-0:51.7.0": [1.2, "A"], "1-0:71.7.0": [1.5, "A"]}
VOLTAGES = {"1-0:32.7.0": [230.1, "V"], "1-0:52.7.0": [231.9, "V"], "1-0:72.7.0": [230.6, "V"]}
WHOLE = {"1-0:32.7.0": [230, "V"], "1-0:52.7.0": [231, "V"], "1-0:72.7.0": [232, "V"]}
ENERGIES = {"1-0:1.8.0": [109554020, "Wh"], "1-0:2.8.0": [70, "Wh"], "1-0:3.8.0": [130480, "varh"],
            "1-0:4.8.0": [15319940, "varh"]}


def both(*parts):
    """One dict of several."""
    out = {}
    for part in parts:
        out.update(part)
    return out


def without(stated, *codes):
    """The dict without these codes."""
    return {code: stated[code] for code in stated if code not in codes}


def norwegian():
    """(maker, name, APDU, what it states) of the Norwegian lists."""
    power = {"1-0:1.7.0": [1234, "W"]}
    two = both(POWERS, CURRENTS, VOLTAGES)
    kaifa = both(two, {"1-0:51.7.0": [1.207, "A"], "1-0:71.7.0": [1.503, "A"]})
    one_phase = without(two, "1-0:51.7.0", "1-0:71.7.0", "1-0:52.7.0", "1-0:72.7.0")
    yield "Aidon", "1", v.aidon(1), power
    yield "Aidon", "2", v.aidon(2), two
    yield "Aidon", "3", v.aidon(3), both(two, ENERGIES)
    yield "Aidon", "2, IT", v.aidon(2, it=True), without(two, "1-0:51.7.0")
    yield "Kaifa", "1", v.kaifa(1), power
    yield "Kaifa", "2", v.kaifa(2), kaifa
    yield "Kaifa", "3", v.kaifa(3), both(kaifa, ENERGIES)
    yield "Kaifa", "2, one phase", v.kaifa(2, phases=1), one_phase
    yield "Kaifa", "3, one phase", v.kaifa(3, phases=1), both(one_phase, ENERGIES)
    yield "Kamstrup", "1", v.kamstrup(1), both(POWERS, CURRENTS, WHOLE)
    yield "Kamstrup", "2", v.kamstrup(2), both(POWERS, CURRENTS, WHOLE, ENERGIES)
    yield "Kamstrup", "1, hundredths", v.kamstrup(1, volts=(23010, 23190, 23060)), two
    yield "Kamstrup", "1, one phase", v.kamstrup(1, phases=1), both(one_phase, {"1-0:32.7.0": [230, "V"]})


def u64(n):
    """A long64-unsigned."""
    return b"\x15" + bytes(4) + v.u32(n)[1:]


def enum(n):
    """An enum."""
    return b"\x16" + bytes((n,))


# Lists of values only, as makers outside Norway send them: each item's encoding, value, code and what it states.
P = (("4", 1234, "1-0:1.7.0", 1234, "W"), ("4", 0, "1-0:2.7.0", 0, "W"), ("4", 0, "1-0:3.7.0", 0, "var"),
     ("4", 89, "1-0:4.7.0", 89, "var"))
TENTHS = (("2", 2301, "1-0:32.7.0", 230.1, "V"), ("2", 2319, "1-0:52.7.0", 231.9, "V"),
          ("2", 2306, "1-0:72.7.0", 230.6, "V"))
VOLTS = (("2", 230, "1-0:32.7.0", 230, "V"), ("2", 231, "1-0:52.7.0", 231, "V"), ("2", 232, "1-0:72.7.0", 232, "V"))
A = (("2", 280, "1-0:31.7.0", 2.8, "A"), ("2", 120, "1-0:51.7.0", 1.2, "A"), ("2", 150, "1-0:71.7.0", 1.5, "A"))
IN = (("4", 600, "1-0:21.7.0", 600, "W"), ("4", 334, "1-0:41.7.0", 334, "W"), ("4", 300, "1-0:61.7.0", 300, "W"))
OUT = (("4", 0, "1-0:22.7.0", 0, "W"), ("4", 1, "1-0:42.7.0", 1, "W"), ("4", 2, "1-0:62.7.0", 2, "W"))
TARIFFS = tuple([("4", 1000 + n, code, 1000 + n, "Wh") for n, code in enumerate(
    ("1-0:1.8.0", "1-0:1.8.1", "1-0:1.8.2", "1-0:2.8.0", "1-0:2.8.1", "1-0:2.8.2"))])
REACTIVE = (("4", 130480, "1-0:3.8.0", 130480, "varh"), ("4", 15319940, "1-0:4.8.0", 15319940, "varh"))
REACTIVE_TARIFFS = tuple([("4", 7 + n, code, 7 + n, "varh") for n, code in enumerate(
    ("1-0:3.8.1", "1-0:3.8.2", "1-0:4.8.1", "1-0:4.8.2"))])
QUADRANTS = tuple([("4", n, "1-0:%d.8.0" % n, n, "varh") for n in (5, 6, 7, 8)])
ISK = (("s", b"ISK5MT174", "", 0, ""), ("s", b"1234567890", "", 0, ""))
BREAKER = (("b", 1, "", 0, ""),)
VALUES_ONLY = (
    ("Iskraemeco", "18", ISK + P + TENTHS + A + IN + OUT),
    ("Iskraemeco", "12, tariffs", ISK + BREAKER + (("s", b"T1", "", 0, ""),) + TARIFFS + REACTIVE),
    ("Iskraemeco", "12", ISK + TENTHS + A + P),
    ("Iskraemeco", "10", ISK + P + TENTHS[:1] + A[:1] + IN[:1] + OUT[:1]),
    ("Iskraemeco", "10, tariffs", ISK + TARIFFS[1:3] + TARIFFS[4:] + REACTIVE_TARIFFS),
    ("Iskraemeco", "9", ISK + P + TENTHS[:1] + TARIFFS[4:]),
    ("Iskraemeco", "8", ISK + TENTHS[:1] + A[:1] + P),
    ("Iskraemeco", "4", ISK[1:] + BREAKER + TARIFFS[:1] + TARIFFS[3:4]),
    ("Iskraemeco", "33", ISK + ISK[1:] + TARIFFS + QUADRANTS + P[:2] + (("2", 987, "1-0:13.7.0", 0.987, ""),) + IN + OUT
     + TENTHS + A + (("4", 1, "", 0, ""), ("2", 2, "", 0, ""), ("2", 3, "", 0, ""), ("2", 4, "", 0, "")) + BREAKER),
    ("Landis+Gyr", "14", VOLTS + A + P[:2] + TARIFFS[:1] + TARIFFS[3:4]
     + (("2", 1, "", 0, ""), ("2", 2, "", 0, ""), ("2", 3, "", 0, ""), ("s", b"63316890", "", 0, ""))),
    ("Landis+Gyr", "11", VOLTS + A + P[:2] + TARIFFS[:1] + TARIFFS[3:4] + (("s", b"63316890", "", 0, ""),)),
)
ENCODED = {"s": v.octets, "4": v.u32, "2": v.u16, "b": enum}


def values_only():
    """(maker, name, APDU, what it states) of the lists of values only, and of Kaifa's with 64-bit energies."""
    for maker, name, items in VALUES_ONLY:
        data = v.structure(*[ENCODED[kind](value) for kind, value, _, _, _ in items])
        yield maker, name, v.notification(data), {code: [number, unit] for _, _, code, number, unit in items if code}
    items = [v.octets(b"KFM_001"), v.octets(b"6970631400000001"), v.octets(b"MA304T4")]
    items += [v.u32(n) for n in (1234, 0, 0, 89, 2800, 1207, 1503, 2301, 2319, 2306)]
    items += [v.octets(v.date_time(2025, 10, 26, 1, 0, 10))] + [u64(n) for n in (109554020, 70, 130480, 15319940)]
    yield "Kaifa", "3, 64 bits", v.notification(v.structure(*items)), both(POWERS, VOLTAGES, ENERGIES)


def described(number, code, attribute, *more):
    """A capture object of a described list."""
    return v.structure(v.u16(number), v.obis(code), b"\x0f" + bytes((attribute,)), v.u16(0), *more)


def self_told():
    """(maker, name, APDU, what it states) of lists that say which values they hold, and not in which unit."""
    objects = ((40, "0-8:25.9.0", 2), (40, "0-8:25.9.0", 1), (1, "0-0:96.1.0", 2), (3, "1-0:1.7.0", 2),
               (3, "1-1:1.8.0", 2), (3, "1-0:31.7.0", 2))
    values = (v.octets(b"\x00\x08\x19\x09\x00\xff"), v.octets(b"63316890"), v.u32(331), v.u32(4912257), v.u16(49))
    stated = {"1-0:1.7.0": [331, ""], "1-0:1.8.0": [4912257, ""], "1-0:31.7.0": [49, ""]}
    yield "Landis+Gyr", "described", v.notification(v.structure(
        v.array(*[described(*one) for one in objects]), *values)), stated
    # Capture objects with a restriction {type, value}; of type 0 the value is null, or left out. And with columns.
    for name, more in (("restricted", (v.structure(enum(0), b"\x00"),)), ("value left out", (b"\x02\x02\x16\x00",)),
                       ("restricted to entries", (v.structure(enum(1), v.structure(v.u32(1), v.u32(2))),)),
                       ("with columns", (v.structure(enum(0), b"\x00"), v.array(v.u16(1))))):
        yield "Energomera", name, v.notification(v.structure(
            v.array(*[described(*(one + more)) for one in objects]), *values)), stated
    # A capture object whose value is a structure of codes and values.
    inner = v.structure(v.obis("1-0:2.7.0"), v.u32(17))
    yield "Landis+Gyr", "nested", v.notification(v.structure(
        v.array(described(40, "0-8:25.9.0", 2), described(7, "1-0:99.1.0", 2), described(3, "1-0:1.7.0", 2)), inner,
        v.u32(331))), {"1-0:1.7.0": [331, ""], "1-0:2.7.0": [17, ""]}
    # Class, code and attribute in front of each value.
    body = b"".join([b"\x02\x02" + b"\x00\x03" + v.obis(code)[2:] + b"\x02" + value for code, value in (
        ("1-0:1.7.0", v.u32(331)), ("1-0:1.8.0", v.u32(4912257)), ("1-0:32.7.0", v.u16(230)))])
    yield "Iskraemeco", "attributes", v.notification(v.structure(enum(1), b"\x01\x03" + body)), {
        "1-0:1.7.0": [331, ""], "1-0:1.8.0": [4912257, ""]}


def lists():
    """Every list."""
    for source in (norwegian, values_only, self_told):
        for one in source():
            yield one


def row(name, data, stated, maker, form, keys=None, must="decode", frames=0, p1=""):
    """One row."""
    return {"id": name, "hex": data.hex(), "must": must, "meter": maker, "format": form, "enc": keys is not None,
            "keys": keys, "checks": {"frames": frames, "p1": p1}, "expected": {"obis": stated}}


def sealed():
    """Every way to cipher a list or a telegram; what it must give without the key is nothing."""
    keys = {"ek": EK.hex(), "ak": AK.hex()}
    wrong = {"ek": AK.hex(), "ak": EK.hex()}
    apdu, stated = v.kamstrup(2), both(POWERS, CURRENTS, WHOLE, ENERGIES)
    glo = v.security(apdu, v.aes, EK, AK)
    both_ways = v.general(apdu, v.aes, EK, AK, b"\x00\x08NET00001\x00\x00\x00", counter=8)
    text = v.telegram(v.P1_LINES)
    yield row("glo in a frame", v.frame(v.LLC + glo), stated, "Kamstrup", "hdlc-dlms", keys, frames=1)
    yield row("glo in segments", v.segments(glo, 100), stated, "Kamstrup", "hdlc-dlms", keys, frames=4)
    yield row("glo in long frames", b"".join(v.long_frames(glo, 120)), stated, "Kamstrup", "mbus-dlms", keys)
    yield row("glo", glo, stated, "Kamstrup", "dlms-glo", keys)
    yield row("encrypted, no tag", v.frame(v.LLC + v.security(apdu, v.aes, EK, b"", control=0x20)), stated, "Kamstrup",
              "hdlc-dlms", {"ek": EK.hex(), "ak": None}, frames=1)
    yield row("authenticated, not encrypted", v.frame(v.LLC + v.security(apdu, v.aes, EK, AK, control=0x10)), stated,
              "Kamstrup", "hdlc-dlms", keys, frames=1)
    yield row("P1, ciphered", v.security(text, v.aes, EK, AK), {"1-0:1.7.0": [1.234, "kW"]}, "Luxembourg", "dsmr-gcm",
              keys)
    for name, one in (("glo without key", None), ("glo with a wrong key", wrong)):
        yield row(name, v.frame(v.LLC + glo), {}, "Kamstrup", "hdlc-dlms", one, "reject", frames=1)
    yield row("general ciphering", v.frame(v.LLC + both_ways), stated, "Kamstrup", "hdlc-dlms", keys, frames=1)


def telegrams():
    """P1 telegrams."""
    now = {"1-0:1.7.0": [1.234, "kW"], "1-0:1.8.1": [3432.827, "kWh"], "1-0:32.7.0": [230.1, "V"]}
    yield row("P1", v.telegram(v.P1_LINES), now, "AAA", "dsmr-p1", p1="ok")
    yield row("P1, old", v.telegram(v.P1_OLD, crc_digits=False), {"1-0:1.7.0": [0.89, "kW"]}, "AAA", "dsmr-p1")
    yield row("P1, lines end in LF", v.telegram(v.P1_LINES[2:], crc_digits=False, end="\n"), now, "AAA", "dsmr-p1")
    lines = ["0-0:1.0.0(250714170010S)"]
    lines += ["1-0:%d.8.0(%012.3f*%s)" % (c, value, unit) for c, value, unit in (
        (1, 10955.402, "kWh"), (2, 0.07, "kWh"), (3, 130.48, "kvarh"), (4, 15319.94, "kvarh"))]
    lines += ["1-0:%d.7.0(%08.3f*%s)" % (c, value, unit) for c, value, unit in (
        (1, 1.234, "kW"), (2, 0, "kW"), (3, 0, "kvar"), (4, 0.089, "kvar"))]
    lines += ["1-0:32.7.0(230.1*V)", "1-0:52.7.0(231.9*V)", "1-0:72.7.0(230.6*V)", "1-0:31.7.0(002.8*A)",
              "1-0:51.7.0(001.2*A)", "1-0:71.7.0(001.5*A)"]
    stated = {"1-0:1.7.0": [1.234, "kW"], "1-0:1.8.0": [10955.402, "kWh"], "1-0:4.8.0": [15319.94, "kvarh"],
              "1-0:4.7.0": [0.089, "kvar"]}
    stated.update(both(CURRENTS, VOLTAGES))
    yield row("P1, Sweden", v.telegram(lines, "ADN9 6534"), stated, "Ellevio/Aidon", "dsmr-p1", p1="ok")
    bad = bytearray(v.telegram(v.P1_LINES))
    bad[bad.index(b"01.234")] ^= 1
    yield row("P1, a digit changed", bytes(bad), {}, "AAA", "dsmr-p1", must="reject", p1="wrong")
    yield row("P1, cut off", v.telegram(v.P1_LINES)[:300], {}, "AAA", "dsmr-p1", must="reject")


def broken():
    """What is not whole."""
    for maker, name, apdu, _ in norwegian():
        frame = v.frame(v.LLC + apdu)
        for what, data in (("cut off", frame[:-9]), ("wrong FCS", frame[:-2] + bytes((frame[-2] ^ 1,)) + frame[-1:]),
                           ("APDU cut off", apdu[:-3]), ("no LLC", v.frame(apdu)),
                           ("wrong checksum", v.long_frames(apdu[:200], 220)[0][:-2] + b"\x00\x16")):
            yield row(maker + " " + name + ", " + what, data, {}, maker, "fragment", must="reject")
    yield row("long frame cut off", v.long_frames(v.kaifa(1), 200)[0][:-6], {}, "Kaifa", "fragment", must="reject")


def rows():
    """Every row."""
    for maker, name, apdu, stated in lists():
        name = maker + " " + name
        yield row(name, v.frame(v.LLC + apdu), stated, maker, "hdlc-dlms", frames=1)
        yield row(name + ", LLC and APDU", v.LLC + apdu, stated, maker, "dlms-llc")
        yield row(name + ", APDU", apdu, stated, maker, "dlms-apdu")
    for maker, name, apdu, stated in norwegian():
        name = maker + " " + name
        yield row(name + ", segments", v.segments(apdu, 90), stated, maker, "hdlc-dlms", frames=2)
        yield row(name + ", segments that share flags", v.segments(apdu, 90, shared=True), stated, maker, "hdlc-dlms",
                  frames=2)
        yield row(name + ", blocks", b"".join(v.blocks(apdu, 90)), stated, maker, "hdlc-dlms", frames=2)
        yield row(name + ", long frames", b"".join(v.long_frames(apdu, 110)), stated, maker, "mbus-dlms")
    for source in (sealed, telegrams, broken):
        for one in source():
            yield one
