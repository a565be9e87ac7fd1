"""Nothing is read that the key did not open: plain text behind a header that says encrypted, without MAC or CRC, or in
plain altogether. The known bad decoders show that the tests would see a way left open.
"""

from wmbus_cases import (
    KEY,
    RECORDS,
    VALUES,
    cbc,
    ell,
    flipped,
    fragmented,
    little,
    long,
    mode5,
    mode7,
    mode10,
    padded,
    short,
    telegram,
)
from wmbus_vectors import authenticated, compact, plain_ell

import wmbus
from firmware.port import aes
from wmbus import blocks, decoder, fragments, modes, rest, transport
from wmbus import compact as compact_frames

OTHER = bytes(range(1, 17))
PLAIN = padded(RECORDS)
BODY = b"\x78" + RECORDS


def outcome(*args):
    """The reading, or the kind of error."""
    try:
        return wmbus.decode(*args)
    except wmbus.DecodeError as error:
        return type(error)


def check(reading):
    assert isinstance(reading, dict), reading
    for name in VALUES:
        assert reading[name] == VALUES[name], (name, reading)


def mode7_of(body, mcl=b"\x25", mac=bytes(8), counter=b"\5\0\0\0"):
    """A mode 7 telegram with `body` behind its header, and with this MCL and MAC; either may be missing."""
    fields = (mcl or b"") + counter + (mac or b"")
    flags = (0x2000 if mcl else 0) | 0x0800 | (0x0400 if mac else 0)
    return telegram(bytes((0x90, 2 + len(fields))) + little(flags) + fields
                    + bytes((0x7A, 0x2A, 0, len(PLAIN), 7, 0x10)) + body)


def sealed7(mcl=b"\x25", size=8, key=KEY):
    """Genuine cipher text of mode 7, with a right MAC cut to `size` bytes (0: none) under this MCL."""
    from wmbus_cases import address, cmac
    counter, number = b"\5\0\0\0", address()[2:6]
    body = cbc(cmac(key, b"\0" + counter + number + b"\7" * 7), bytes(16), PLAIN)
    header = bytes((0x7A, 0x2A, 0, len(PLAIN), 7, 0x10))
    mac = cmac(cmac(key, b"\1" + counter + number + b"\7" * 7), (mcl or b"\0") + counter + header + body)[:size]
    return mode7_of(body, mcl, mac, counter)


def plain_behind_headers():
    """(name, telegram): plain text where the header says encrypted."""
    yield "mode 5", telegram(bytes((0x7A, 0x2A, 0, len(PLAIN), 5)) + PLAIN)
    yield "mode 5, no length", telegram(bytes((0x7A, 0x2A, 0, 0, 5)) + PLAIN)
    yield "mode 5, less than a block", telegram(b"\x7a\x2a\0\0\5" + RECORDS[:6])
    yield "mode 5, less than a block, long", telegram(b"\x7a\x2a\0\x10\5" + RECORDS[:6])
    yield "mode 7, MAC 00..00", mode7_of(PLAIN)
    yield "mode 7, no MAC", mode7_of(PLAIN, mac=None)
    yield "mode 7, no MCL", mode7_of(PLAIN, mcl=None)
    yield "mode 7, no AFL", telegram(bytes((0x7A, 0x2A, 0, len(PLAIN), 7, 0x10)) + PLAIN)
    yield "mode 10", telegram(b"\x7a\x2a\0\xff\x0a\x10\x01\5\0\0\0" + RECORDS + bytes(8))
    yield "mode 2", telegram(bytes((0x7A, 0x2A, 0, len(PLAIN), 2)) + PLAIN)
    yield "ELL", telegram(b"\x8d\x20\x77\x21\x43\x65\x27" + little(wmbus.crc(BODY)) + BODY)
    yield "ELL without its CRC", telegram(b"\x8d\x20\x77\x21\x43\x65\x27" + BODY)


def claims():
    """(name, telegram) of a meter that has a key, not sealed with it."""
    for one in plain_behind_headers():
        yield one
    yield "short header", short()
    yield "long header", long()
    yield "no header", telegram(BODY)
    yield "ELL 8C", telegram(b"\x8c\x20\x77" + short()[10:])
    yield "ELL 8D, encryption 0", plain_ell(BODY)
    yield "compact frame", compact()
    yield "mode 7, MAC taken out", sealed7(size=0)
    for size, mcl in ((2, b"\x23"), (4, b"\x24")):
        yield "mode 7, MAC of %d bytes" % size, sealed7(mcl, size)
    yield "mode 7, MCL taken out", sealed7(None)
    yield "PRIOS", telegram(b"\xa1" + bytes(30))


def test_plain_text_behind_a_header_that_says_encrypted_is_never_read():
    for name, sample in plain_behind_headers():
        for key in (None, KEY, OTHER):
            assert not isinstance(outcome(sample, key, aes), dict), (name, key)


def test_a_meter_with_a_key_is_read_only_from_what_opens():
    for name, sample in claims():
        found = outcome(sample, KEY, aes)
        assert not isinstance(found, dict), (name, found)
    for sample in (short(), long(), telegram(BODY), plain_ell(BODY), sealed7(size=0), sealed7(b"\x23", 2),
                   sealed7(None), mode7_of(PLAIN), telegram(bytes((0x7A, 0x2A, 0, len(PLAIN), 5)) + PLAIN)):
        assert outcome(sample, KEY, aes) is wmbus.Unsealed, sample
        assert wmbus.explain(sample, KEY, aes)["error"][0] == "unsealed"


def test_what_opens_is_read():
    for sample in (mode5(), mode7(), mode10(), ell(BODY), sealed7(), sealed7(b"\x26", 12), sealed7(b"\x27", 16),
                   authenticated(short()[10:]), authenticated(mode5()[10:])):
        check(outcome(sample, KEY, aes))
        assert outcome(sample, OTHER, aes) is wmbus.WrongKey


def test_the_leniency_of_tools_acts_only_without_a_key():
    five = telegram(bytes((0x7A, 0x2A, 0, len(PLAIN), 5)) + PLAIN)
    open_ell = telegram(b"\x8d\x20\x77\x21\x43\x65\x27" + little(wmbus.crc(BODY)) + BODY)
    for sample in (five, mode7_of(PLAIN), open_ell):
        check(outcome(sample, None, aes, None, True))
        assert wmbus.explain(sample, None, aes, None, True)["error"] is None
        for key in (KEY, OTHER):
            assert not isinstance(outcome(sample, key, aes, None, True), dict)
    assert outcome(mode5(), None, aes, None, True) is wmbus.KeyMissing
    assert outcome(short(), KEY, aes, None, True) is wmbus.Unsealed


def test_random_bytes_under_the_right_address_open_nothing():
    seed = 1
    for header in (b"\x7a\x2a\0\x20\5", b"\x8d\x20\x77\x21\x43\x65\x27", b"\x7a\x2a\0\xff\x0a\x10\x01"):
        for _ in range(30):
            body = bytearray()
            for _ in range(42):
                seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
                body.append(seed >> 16 & 255)
            assert outcome(telegram(header + bytes(body)), KEY, aes) is wmbus.WrongKey


def test_the_headers_alone_say_what_is_encrypted():
    for name, sample in plain_behind_headers():
        assert wmbus.summary(sample).encrypted, name
    assert not wmbus.summary(short()).encrypted and not wmbus.summary(plain_ell(BODY)).encrypted


def test_records_behind_the_encrypted_ones_tell_no_register_and_no_alarm():
    """Some meters leave a version there, or a due date. Anybody can put more behind a genuine telegram."""
    forged = bytes.fromhex("0413ffffff7f" "4413ffffff7f" "023bff7f" "02fd17ffff" "046d1e0c1d32"
                           "0413ffffff7f" "3413ffffff7f")
    kept = bytes.fromhex("03fd0c080000" "02fd0b0011" "017405")
    genuine = outcome(mode5(), KEY, aes)
    assert outcome(mode5(tail=forged), KEY, aes) == genuine
    assert outcome(mode5(tail=forged + b"\x0f" + bytes(9)), KEY, aes) == genuine
    reading = outcome(mode5(tail=kept + forged), KEY, aes)
    assert reading["parameter_set"] == "1100" and reading["actuality_duration_s"] == 5
    for name in genuine:
        assert reading[name] == genuine[name]
    # What names itself does not name itself a register; fewer blocks than were sealed do not make records of the rest.
    assert "total_m3_2" not in outcome(mode5(tail=b"\x04\x7c\x083m_latot" + bytes(4)), KEY, aes)
    sample = mode5(RECORDS * 2)
    shorter = sample[:13] + b"\x10" + sample[14:]
    reading = outcome(shorter, KEY, aes)
    assert reading["total_m3"] == 12.345 and "total_m3_2" not in reading
    # Under a MAC, and inside of an ELL that was decrypted, all is the meter's.
    assert outcome(authenticated(mode5(tail=kept + RECORDS)[10:]), KEY, aes)["total_m3_2"] == 12.345


def test_a_known_bad_reader_of_what_is_behind_is_seen():
    before = blocks.bound, rest.harmless
    from wmbus import security
    try:
        security.bound = lambda layers, end: None
        bad = [test_records_behind_the_encrypted_ones_tell_no_register_and_no_alarm]
        assert fails(bad[0])
        security.bound = before[0]
        rest.harmless = lambda record: True
        assert fails(bad[0])
    finally:
        security.bound, rest.harmless = before
    assert not fails(bad[0])


def fails(test):
    """Whether a test sees something."""
    try:
        test()
    except AssertionError:
        return True
    return False


class Lenient(transport.Layers):
    """Known bad: every telegram may have been decrypted by somebody else, whatever key there is."""

    @property
    def decrypted(self):
        return True

    @decrypted.setter
    def decrypted(self, value):
        pass


class Opened(transport.Layers):
    """Known bad: what is in plain counts as opened."""

    @property
    def opened(self):
        return True

    @opened.setter
    def opened(self, value):
        pass


def test_known_bad_decoders_are_seen():
    """One that reads what somebody decrypted, one that reads in plain, one that takes any MAC."""
    true = transport.Layers
    for bad, test in ((Lenient, test_plain_text_behind_a_header_that_says_encrypted_is_never_read),
                      (Opened, test_a_meter_with_a_key_is_read_only_from_what_opens)):
        transport.Layers = bad
        try:
            assert fails(test), bad
        finally:
            transport.Layers = true
    checked = modes.has_mac
    modes.has_mac = lambda layers: layers.afl is not None
    authenticate = modes.authenticate
    modes.authenticate = lambda layers, key, aes: (True, authenticate(layers, key, aes)[1])
    try:
        assert fails(test_a_meter_with_a_key_is_read_only_from_what_opens)
    finally:
        modes.has_mac, modes.authenticate = checked, authenticate


# --- formats of compact frames

def test_a_shipped_format_is_not_displaced():
    """The learnt one is asked only where none is shipped, and one of a shipped signature is not even learnt."""
    shipped = bytes.fromhex("0413" "4413" "426c" "023b" "015b")
    signature = wmbus.crc(shipped)
    ten = bytes.fromhex("0414" "4413" "426c" "023b" "015b")
    layers = transport.begin(compact())
    transport.walk(layers)
    full, _ = compact_frames.expand(layers, {signature: ten}, {signature: shipped})
    assert full == RECORDS
    plan = decoder.plans.find(short()[2:10], RECORDS, 0, len(RECORDS))
    formats = {}
    decoder.learn(formats, plan, {plan.signature: shipped})
    assert formats == {}
    decoder.learn(formats, plan, None)
    assert formats == {plan.signature: plan.heads}


def test_nothing_is_learnt_from_what_did_not_open():
    for name, sample in claims():
        formats = {}
        outcome(sample, KEY, aes, formats)
        assert formats == {}, name
    formats = {}
    outcome(mode5(), OTHER, aes, formats)
    assert formats == {}
    outcome(mode5(), KEY, aes, formats)
    assert len(formats) == 1


def test_the_formats_of_a_meter_are_bounded_and_the_latest_is_kept():
    from wmbus import accel
    formats = {}
    for i in range(40):
        outcome(short(bytes((0x01, 0xFD, 0x30 + i % 10, 1)) * (1 + i // 10)), None, None, formats)
        assert 0 < len(formats) <= accel.FORMATS
    outcome(short(), None, None, formats)
    check(outcome(compact(), None, None, formats))


# --- messages in fragments

def test_hostile_fragments_do_not_ruin_the_message_after_them():
    genuine = fragmented(RECORDS * 4)
    forged = fragmented(RECORDS * 4, key=OTHER, counter=b"\6\0\0\0")
    for before in (forged[:1], forged[:2], forged, forged[1:2], forged[2:], forged[:1] * 9, genuine[:2] + forged[2:]):
        assembler = fragments.Assembler()
        for piece in before:
            whole = assembler.add(piece)
            assert whole is None or outcome(whole, KEY, aes) is wmbus.WrongKey
        whole = [assembler.add(piece) for piece in genuine][-1]
        assert outcome(whole, KEY, aes)["total_m3_4"] == 12.345


def test_a_message_put_together_is_read_only_when_it_opens():
    for bit in range(27 * 8, 40 * 8, 5):
        pieces = fragmented(RECORDS * 4)
        assembler = fragments.Assembler()
        whole = [assembler.add(piece) for piece in (pieces[0], flipped(pieces[1], bit), pieces[2])][-1]
        assert whole is None or not isinstance(outcome(whole, KEY, aes), dict)
