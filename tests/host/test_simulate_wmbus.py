"""The simulator's wM-Bus encoder against the standard's own figures and other people's decoders."""

import datetime
import random

import meterbus
import pymbusparser
import pytest
import wmbus_vectors as own
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from netti_tools.simulate import meters, radio
from netti_tools.simulate import wmbus_encoder as enc
from netti_tools.simulate.meters import Meter, Registers
from support import corpus

import wmbus

AT = datetime.datetime(2026, 11, 24, 7, 30, tzinfo=datetime.timezone.utc).timestamp()
REGISTERS = Registers(total_l=123_456, target_l=120_003, flow_lh=210, energy_wh=7_654_321, power_w=2300,
                      volume_l=345_678, units=321, temperature_c=9.5, battery_days=3700, flags=4, export_wh=17)


class aes:
    """The AES that `wmbus.decode` is given."""

    def __init__(self, key):
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())

    def ecb_encrypt(self, blocks):
        return self._cipher.encryptor().update(bytes(blocks))

    def ecb_decrypt(self, blocks):
        return self._cipher.decryptor().update(bytes(blocks))


def meter(model, ident="12345678"):
    return Meter(model, ident, random.Random(model.name).randbytes(16), access=41)


def without_crc(frame):
    """Blocks of a format A frame, each CRC checked."""
    out, size = b"", 10
    while frame:
        block, check, frame = frame[:min(size, len(frame) - 2)], frame[min(size, len(frame) - 2):][:2], frame[size + 2:]
        assert enc.crc(block).to_bytes(2, "big") == check
        out, size = out + block, 16
    return out


def test_crc_of_the_check_string():
    # CRC-16/EN-13757: the check value over "123456789" that the catalogues of CRCs list.
    assert enc.crc(b"123456789") == 0xC2B7


def test_format_a_and_b_lengths_and_crcs():
    for size in (12, 25, 26, 27, 42, 125, 126, 127, 240):
        telegram = enc.link(bytes(range(8)), bytes(size - 10))
        assert len(telegram) == size == telegram[0] + 1
        a = enc.format_a(telegram)
        assert len(a) == size + 2 * (1 + -(-(size - 10) // 16))
        assert without_crc(a) == telegram
        b = enc.format_b(telegram)
        assert len(b) == b[0] + 1
        assert b[1:min(size, 126)] == telegram[1:126]
        assert enc.crc(b[:min(size, 126)]).to_bytes(2, "big") == b[min(size, 126):][:2]


def test_three_of_six_has_three_ones_in_every_six_bits():
    coded = enc.three_of_six(bytes(range(256)))
    bits = "".join(f"{byte:08b}" for byte in coded)
    assert all(bits[i:i + 6].count("1") == 3 for i in range(0, 512 * 6, 6))
    assert enc.three_of_six(b"\x00\xff\x00")[:2] == bytes.fromhex("5965")[:1] + enc.three_of_six(b"\x00\xff\x00")[1:2]
    assert len(enc.three_of_six(b"\x01")) == 2


def test_each_make_is_there_and_encrypted():
    assert len({m.make for m in meters.WATER if m.security}) >= 6
    for model in meters.MODELS:
        m = meter(model)
        first, second = m.telegram(REGISTERS, AT), m.telegram(REGISTERS, AT)
        assert first[0] == len(first) - 1 and first != second
        if model.security:
            assert REGISTERS.total_l.to_bytes(4, "little") not in first


MODE_5 = [m for m in meters.MODELS if m.security != "ctr"]


def expected(model):
    """The values of a model's first volume and energy records, in m3 and Wh."""
    values = []
    for _, coding, register in model.records:
        if register in ("total_l", "target_l", "volume_l"):
            values.append(int(getattr(REGISTERS, register) / coding[2]) * coding[2] / 1000)
        elif register == "energy_wh":
            values.append(int(getattr(REGISTERS, register) / coding[2]) * coding[2])
    return values


def oracle(telegram, key):
    """pymbusparser's volumes and energies of a telegram, in the order of the records."""
    parsed = pymbusparser.parse(telegram.hex(), key=key.hex() if key else None)
    assert parsed["decode_state"] == "complete"
    return parsed, [float(r["value"]["value"]) for r in parsed["records"]
                    if r["quantities"][:1] in (["Volume"], ["Energy"]) and len(r["quantities"]) == 1]


@pytest.mark.parametrize("model", MODE_5, ids=lambda m: m.name)
def test_pymbusparser_reads_what_was_sent(model):
    m = meter(model)
    parsed, values = oracle(m.telegram(REGISTERS, AT), m.key)
    assert values == expected(model)
    identity = parsed["meter"]["identity"]
    assert (identity["manufacturer_code"], identity["id"], identity["version"], identity["device_type_code"]) == (
        model.make, "12345678", model.version, model.kind)
    stamps = [r["value"]["value"] for r in parsed["records"] if r["header_hex"] == "04 6D"]
    assert stamps == ["2026-11-24T08:30:00"] * len(stamps)  # normal time


def test_the_oracle_sees_a_wrong_key_and_a_changed_register():
    """Known-bad: what the test above rests on."""
    m = meter(meters.BY_NAME["sensus"])
    telegram = m.telegram(REGISTERS, AT)
    assert oracle(telegram, m.key)[1] == expected(m.model)
    assert oracle(m.telegram(REGISTERS._replace(total_l=123_457), AT), m.key)[1] != expected(m.model)
    with pytest.raises((AssertionError, pymbusparser.MbusParserError)):
        oracle(telegram, bytes(16))


def test_pymbusparser_takes_off_format_a():
    m = meter(meters.BY_NAME["diehl"])
    parsed, values = oracle(enc.format_a(m.telegram(REGISTERS, AT)), m.key)
    assert parsed["raw"]["format_a_crc_stripped"] and values == expected(m.model)


@pytest.mark.parametrize("model", meters.MODELS, ids=lambda m: m.name)
def test_pymeterbus_reads_the_records(model):
    """pyMeterBus knows the wired long frame best: the same records behind the same long header."""
    m = meter(model)
    m.key = None
    moment = datetime.datetime.fromtimestamp(AT, meters.NORMAL_TIME)
    records = b"".join(bytes.fromhex(head) + meters._coded(coding, register, REGISTERS, moment)
                       for head, coding, register in model.records)
    body = b"\x08\x01" + enc.plain(m.address, 1, 0, records, long=True)
    frame = bytes((0x68, len(body), len(body), 0x68)) + body + bytes((sum(body) & 0xFF, 0x16))
    read = meterbus.load(frame).records
    assert len(read) == len(model.records)
    volumes = [float(r.value) for r in read if r.unit in ("m^3", "Wh") and len(r.vib.parts) == 1]
    assert volumes == pytest.approx(expected(model))


def keystream(address, access, session_number, size, key):
    """What our own encoder XORs onto `size` bytes."""
    content = bytes(size - 2)
    sent = enc.ell_ctr(address, access, session_number & 15, session_number >> 4, content, key)[7:]
    text = enc.crc(content).to_bytes(2, "little") + content
    return bytes(a ^ b for a, b in zip(sent, text))


@pytest.mark.parametrize("source", ["own", pytest.param("captures", marks=pytest.mark.needs("captures"))])
def test_ell_ctr_opens_the_twins_made_by_others(source):
    """Telegrams encrypted elsewhere, or by the tests' encoder, open with this key stream: their CRC comes out right."""
    opened = 0
    for row in own.twins() if source == "own" else corpus("wmbus/encrypted_twins_dev.jsonl"):
        telegram = bytes.fromhex(row["telegram_hex"])
        if telegram[10:12] != b"\x8d\x20" or not row["key"]:
            continue
        address, access = telegram[2:10], telegram[12]
        number = int.from_bytes(telegram[13:17], "little") & 0x1FFFFFFF
        cipher = telegram[17:]
        text = bytes(a ^ b for a, b in zip(cipher, keystream(address, access, number, len(cipher),
                                                             bytes.fromhex(row["key"]))))
        assert enc.crc(text[2:]).to_bytes(2, "little") == text[:2]
        opened += 1
    assert opened >= 5


def test_our_reader_and_decoder_read_every_make():
    """Through the air and back, in each mode, with the project's own codec."""
    for model in meters.MODELS:
        m = meter(model)
        telegram = m.telegram(REGISTERS, AT)
        for mode in ("T1", "C1A", "C1B"):
            reader = wmbus.Reader()
            frames = reader.feed(enc.burst(telegram, mode))
            assert [bytes(f) for f in frames] == [telegram], (model.name, mode)
        reading = wmbus.decode(telegram, m.key, aes)
        if m.is_water:
            assert reading["total_m3"] == pytest.approx(m.shown("total_l", REGISTERS) / 1000), model.name


def test_the_crc_is_blind_to_two_bits_one_period_apart():
    """Why `radio.damage` keeps the wrong bits close together; format A's blocks are shorter than that."""
    block = bytearray(range(60))
    check = enc.crc(block)
    for bit in (0, 151):
        block[bit // 8] ^= 0x80 >> bit % 8
    assert enc.crc(block) == check
    block[0] ^= 0x80
    assert enc.crc(block) != check


def test_damage_never_leaves_a_good_telegram():
    rng = random.Random(7)
    for n in range(600):
        model = meters.MODELS[n % len(meters.MODELS)]
        raw = enc.burst(meter(model).telegram(REGISTERS, AT + n), model.mode)
        reader = wmbus.Reader()
        hurt = radio.damage(rng, raw)
        assert hurt != raw
        assert reader.feed(hurt) == [], (model.name, hurt.hex())
