"""Captures of every layer: told apart by their bytes, read with the strictness of the live port."""

import han_vectors as v

import han_reader
from han_reader import plan

EK = bytes(range(16))
AK = bytes(range(0x50, 0x60))


def refused(data, **keys):
    """read_all gives nothing for this; its reason."""
    try:
        readings = han_reader.read_all(data, **keys)
    except han_reader.DecodeError as e:
        return e.reason
    raise AssertionError(readings)


def test_every_layer():
    apdu = v.kamstrup(2)
    want = plan.plain(apdu)
    wire = v.frame(v.LLC + apdu)
    for data in (wire, wire[1:-1], v.LLC + apdu, b"\xe6\xe6\x00" + apdu, apdu, v.segments(apdu, 100),
                 b"".join(v.blocks(apdu, 90)), b"".join(v.long_frames(apdu, 110)), b"\x00\xff" + wire + b"noise"):
        assert han_reader.read_all(data) == [want]
    body = v.structure(v.octets(b"SOMEBODY"), v.u32(1))
    assert han_reader.read_all(body)[0]["value_2"] == 1
    assert han_reader.read_all(bytearray(wire)) == [want]


def test_several_messages():
    a, b = v.frame(v.LLC + v.aidon(1)), v.frame(v.LLC + v.aidon(2))
    assert [r["list"] for r in han_reader.read_all(a + b + a)] == ["objects", "AIDON_V0001", "objects"]
    p = v.telegram(v.P1_LINES)
    assert len(han_reader.read_all(p + p)) == 2
    damaged = bytearray(b)
    damaged[40] ^= 1
    assert len(han_reader.read_all(a + bytes(damaged) + a)) == 2


def test_what_logs_leave_behind():
    """An APDU cut out of a frame with its FCS and flag, or of two segments with those between."""
    apdu = v.aidon(3)
    assert han_reader.read_all(apdu + b"\x12\x34\x7e") == [plan.plain(apdu)]
    cut = apdu.index(v.obis("1-0:71.7.0")) - 2
    assert han_reader.read_all(apdu[:cut] + b"\xff\xee\x7e" + apdu[cut:]) == [plan.plain(apdu)]
    refused(apdu + b"\x12\x34\x56")
    refused(apdu + b"\x12\x34\x7e\x00")


def test_bare_apdus_have_to_be_whole():
    for apdu in (v.kaifa(1), v.aidon(1), v.kamstrup(1, phases=1)):
        for n in range(len(apdu)):
            refused(apdu[:n])


def test_telegrams():
    p = v.telegram(v.P1_LINES)
    assert len(han_reader.read_all(b"\r\n\xff" + p)) == 1
    # Behind the end of another telegram it is read on a live line, not from a capture that claims to be whole.
    assert "inside a telegram" in refused(p[300:] + p)
    assert "inside a telegram" in refused(p[:300] + p)
    assert len(han_reader.read_all(p[300:] + p, None, None, None, True, False)) == 1
    plain = v.telegram(v.P1_LINES[2:], crc_digits=False)
    assert len(han_reader.read_all(plain)) == 1
    assert refused(plain, p1_without_crc=False)
    assert "not all text" in refused(plain + b"\xff\xff")
    refused(plain[:200])


def test_ciphered():
    apdu = v.kaifa(2)
    glo = v.security(apdu, v.aes, EK, AK)
    want = [plan.plain(apdu)]
    for ak in (AK, None):
        assert han_reader.read_all(glo, EK, ak, v.aes) == want
        assert han_reader.read_all(v.LLC + glo, EK, ak, v.aes) == want
        assert han_reader.read_all(glo + b"\r\n" + glo, EK, ak, v.aes) == want + want
        assert han_reader.read_all(glo + b"\x12\x34\x7e", EK, ak, v.aes) == want
    assert "no key" in refused(glo)
    refused(glo[:-1], ek=EK, ak=AK, aes=v.aes)
    refused(glo[:9])
    refused(b"\xdb")
    refused(b"\xdd\x00\x00")
    text = v.telegram(v.P1_LINES)
    for inside in (text, text[:-6]):  # with and without its CRC
        sealed = v.security(inside, v.aes, EK, AK)
        assert han_reader.read_all(sealed, EK, AK, v.aes)[0]["import_w"] == 1234


def test_nothing():
    for data in (b"", b"\x00", b"hello world", b"\x7e", b"\xa0", b"/", b"\x68\x68\x68\x68", b"\x0f"):
        refused(data)
