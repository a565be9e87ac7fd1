"""An explanation covers every byte of a message once, in order, and names what it shows."""

import han_rows
import han_vectors as v
from han_vectors import rows_of, swept

import han_reader

EK = bytes(range(16))
AK = bytes(range(0x30, 0x40))


def whole(message, **keys):
    """The explanation of a message; its spans have no gaps."""
    out = han_reader.explain(message, **keys)
    at = 0
    for start, end, layer, meaning in out["spans"]:
        assert start == at and end > start, (start, at)
        assert isinstance(layer, str) and isinstance(meaning, str)
        at = end
    assert at == len(message)
    assert len(out["plain"]) == len(message)
    return out


def meanings(out):
    """All meanings, one text."""
    return "\n".join([meaning for _, _, _, meaning in out["spans"]])


def layers(out):
    """The layers that occur."""
    return {layer for _, _, layer, _ in out["spans"]}


def test_a_frame():
    out = whole(v.frame(v.LLC + v.aidon(3)))
    text = meanings(out)
    for part in ("header check right", "frame check right", "DataNotification", "OBIS 1-0:1.7.0, import_w", "1234 W",
                 "2.8 A", "109554020 Wh", "meter_id 7359990000000001", "date-time 2025-07-14 17:00:10"):
        assert part in text, part
    assert layers(out) == {"hdlc", "llc", "apdu", "list"}
    assert out["meter"] == "7359990000000001" and out["error"] is None


def test_every_shape_and_framing():
    for apdu in (v.kaifa(1), v.kaifa(3), v.kamstrup(2), v.kamstrup(1, phases=1), v.aidon(1)):
        for message in (v.frame(v.LLC + apdu), v.segments(apdu, 60), b"".join(v.blocks(apdu, 70)),
                        b"".join(v.long_frames(apdu, 80)), v.LLC + apdu, apdu):
            out = whole(message)
            assert out["error"] is None and "rest" not in layers(out), message
    assert "block" in layers(whole(b"".join(v.blocks(v.aidon(2), 70))))


def test_ciphered():
    wire = v.frame(v.LLC + v.security(v.kamstrup(2), v.aes, EK, AK))
    out = whole(wire, ek=EK, ak=AK, aes=v.aes)
    assert "frame counter 7" in meanings(out) and "109554020 Wh" in meanings(out)
    assert out["meter"] == "5706567000000001" and v.kamstrup(2) in out["plain"]
    out = whole(wire)
    assert out["error"][0] == "key missing" and "sealed" in layers(out) and out["plain"] == wire
    out = whole(wire, ek=bytes(16), ak=AK, aes=v.aes)
    assert out["error"][0] == "wrong key"
    parts = b"".join(v.long_frames(v.security(v.aidon(3), v.aes, EK, AK), 120))
    assert "109554020 Wh" in meanings(whole(parts, ek=EK, ak=AK, aes=v.aes))


def test_telegram():
    out = whole(v.telegram(v.P1_LINES)[:-2])
    text = meanings(out)
    for part in ("identification", "OBIS 1-0:1.7.0, import_w", "meter_id", "CRC right"):
        assert part in text, part
    assert out["error"] is None and out["meter"]


def test_damage_never_raises():
    for message in (v.frame(v.LLC + v.kaifa(2)), v.telegram(v.P1_LINES)[:-2], b"".join(v.long_frames(v.aidon(2), 90)),
                    v.security(v.kaifa(1), v.aes, EK, AK)):
        for i in range(0, len(message), 3):
            bad = bytearray(message)
            bad[i] ^= 0x55
            whole(bytes(bad), ek=EK, ak=AK, aes=v.aes)
            whole(message[:i], ek=EK, ak=AK, aes=v.aes)
    bad = bytearray(v.frame(v.LLC + v.kaifa(2)))
    bad[-2] ^= 1
    assert whole(bytes(bad))["error"] == ("damaged", "frame check wrong")


def explained(rows):
    for row in rows:
        given = row.get("keys") or {}
        keys = [bytes.fromhex(given[k]) if given.get(k) else None for k in ("ek", "ak")]
        whole(bytes.fromhex(row["hex"]), ek=keys[0], ak=keys[1], aes=v.aes)


def test_own_rows():
    explained(swept(han_rows.rows()))


def test_captures():
    explained(rows_of("han/han_dev.jsonl"))
