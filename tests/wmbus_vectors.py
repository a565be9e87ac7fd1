"""Our own telegrams in the form the captures have, so that each test of captures also runs where there are none.

`rows()`: a telegram of every header, security mode and frame, and those in the drivers' docstrings. `twins()`: the
plain ones of the drivers once more, encrypted in three modes. A row is a dict as a line of the captures' files;
`expected` holds numbers, or texts as a driver's docstring has them.
"""

import os

import wmbus_cases as cases

from wmbus.drivers import model

FOLDER = "wmbus/drivers/"
# Security mode 2, which only CPython reads: 2F2F, RECORDS and fillers, sealed by OpenSSL's DES-CBC, start vector zero.
DES_KEY = bytes.fromhex("0123456789abcdef")
DES = bytes.fromhex("2e44b4387856341201077a2a002002b10ea76d88ea94cc1b8ab4f65ad0474c5a3397146181bfb4fdf58e1c05d563a9")


def hexed(data):
    """Bytes as hex; None as it is."""
    return None if data is None else data.hex()


def row(name, telegram, key=None, expected=cases.VALUES, prior=(), link="wmbus"):
    """One row."""
    return {"id": name, "source": "own:" + name, "driver": "", "media": "water", "telegram_hex": telegram.hex(),
            "key": hexed(key), "prior": [earlier.hex() for earlier in prior], "expected": expected, "link": link}


def compact(records=cases.RECORDS, heads=("0413", "4413", "426c", "023b", "015b"), who=None):
    """A compact frame of RECORDS: a signature of the heads, a CRC of the records, the values."""
    signature = cases.crc(bytes.fromhex("".join(heads)))
    values = bytes.fromhex("39300000" "10270000" "ff2c" "7800" "09")
    return cases.telegram(b"\x79" + cases.little(signature) + cases.little(cases.crc(records)) + values, who)


def compact_mode_5(key=cases.KEY, access=0x2A):
    """The same behind a short header (CI 7B), in security mode 5."""
    who = cases.address()
    plain = cases.padded(compact()[11:])
    sealed = cases.cbc(key, who + bytes((access,)) * 8, plain)
    return cases.telegram(bytes((0x7B, access, 0, len(plain), 5)) + sealed, who)


def authenticated(body, key=cases.KEY, counter=b"\x05\x00\x00\x00", who=None):
    """An AFL with a MAC around a TPL that is not of mode 7."""
    who = who or cases.address()
    derived = cases.cmac(key, b"\1" + counter + who[2:6] + b"\7" * 7)
    mac = cases.cmac(derived, b"\x25" + counter + body)[:8]
    return cases.telegram(b"\x90\x0f" + cases.little(0x2C00) + b"\x25" + counter + mac + body, who)


def plain_ell(body, ci=0x8D, second=b""):
    """An extended link layer with session number and payload CRC, not encrypted."""
    return cases.telegram(bytes((ci, 0x20, 0x77)) + second + b"\x21\x43\x65\x07" + cases.little(cases.crc(body)) + body)


def kinds():
    """A row of every header, security mode and frame."""
    key = cases.KEY
    body = b"\x78" + cases.RECORDS
    second = cases.address("NET", "87654321", 2, 7)
    sealed = cases.ell(body)
    long_text = cases.short(cases.RECORDS + b"\x2f" * 120)
    yield row("short header", cases.short())
    yield row("long header", cases.long())
    yield row("no header", cases.telegram(body))
    yield row("two blocks of format B", long_text)
    yield row("wired", cases.long_frame(), link="mbus")
    yield row("format A", cases.frame_a(cases.short()), link="wmbus+crc")
    yield row("format B", cases.frame_b(cases.short()), link="wmbus+crc")
    yield row("format B, two blocks", cases.frame_b(long_text), link="wmbus+crc")
    yield row("format A, mode 5", cases.frame_a(cases.mode5()), key, link="wmbus+crc")
    yield row("mode 5", cases.mode5(), key)
    yield row("mode 5 and plain records behind", cases.mode5(tail=b"\x01\x74\x05"), key)
    yield row("mode 7", cases.mode7(), key)
    yield row("mode 10", cases.mode10(), key)
    yield row("ELL 8C", cases.telegram(b"\x8c\x20\x77" + cases.short()[10:]))
    yield row("ELL 8D, plain", plain_ell(body))
    yield row("ELL 8D, plain, short header", plain_ell(cases.short()[10:]))
    yield row("ELL 8D, AES-CTR", sealed, key)
    yield row("ELL 8E", cases.telegram(b"\x8e\x20\x77" + second + cases.short()[10:]))
    yield row("ELL 8F, plain", plain_ell(body, 0x8F, second))
    yield row("ELL 8F, AES-CTR", cases.telegram(b"\x8f" + sealed[11:13] + second + sealed[13:]), key)
    yield row("AFL, no encryption", authenticated(cases.short()[10:]), key)
    yield row("AFL, mode 5", authenticated(cases.mode5()[10:]), key)
    yield row("compact", compact(), None, prior=[cases.short()])
    yield row("compact, mode 5", compact_mode_5(), key, prior=[cases.mode5()])
    yield row("compact in ELL", cases.ell(compact()[10:]), key, prior=[sealed])


def drivers():
    """(driver, telegram, key or None, {field: text}) of every vector in the drivers' docstrings.

    Read from the source: a device keeps no docstrings. Lines that are indented go on.
    """
    for file in sorted(os.listdir(FOLDER)):
        if not file.endswith(".py") or file == "__init__.py":
            continue
        named = []
        with open(FOLDER + file) as source:
            for line in _docstring(source):
                if line.startswith(" ") and named:
                    named[-1] += (" " if named[-1].startswith("reading") else "") + line.strip()
                else:
                    named.append(line)
        telegram = key = None
        fields = {}
        for line in named + ["telegram "]:
            word, _, rest = (line + " ").partition(" ")
            rest = rest.strip()
            if word == "telegram":
                if telegram:
                    yield file[:-3], telegram, key, fields
                telegram, key, fields = bytes.fromhex(rest), None, {}
            elif word == "key":
                key = bytes.fromhex(rest)
            elif word == "reading":
                for pair in rest.split(", "):
                    name, _, text = pair.partition("=")
                    fields[name] = text


def _docstring(source):
    """The lines of the docstring a file begins with."""
    line = source.readline()[3:]
    while True:
        end = line.find('"""')
        yield (line if end < 0 else line[:end]).rstrip()
        if end >= 0:
            return
        line = source.readline()
        assert line, "no docstring"


def rows():
    """Every row that is read."""
    for one in kinds():
        yield one
    count = {}
    for name, telegram, key, fields in drivers():
        count[name] = count.get(name, 0) + 1
        one = row("%s %d" % (name, count[name]), telegram, key, fields)
        one["driver"] = name
        yield one


def twins():
    """The drivers' plain telegrams with a short header, as modes 5 and 7 and ELL AES-CTR have them."""
    for one in rows():
        telegram = bytes.fromhex(one["telegram_hex"])
        records = telegram[15:]
        if not one["driver"] or telegram[10] != 0x7A or telegram[13:15] != b"\0\0" or len(records) > 180:
            continue
        who = telegram[2:10]
        if "body" in model(who)[1]:
            continue  # no records, and whatever the security mode says
        access, status = telegram[11], telegram[12]
        for mode, twin in (("mode5", cases.mode5(records, cases.KEY, access, status, who)),
                           ("mode7", cases.mode7(records, cases.KEY, who=who, access=access, status=status)),
                           ("ELL-CTR", cases.ell(telegram[10:], cases.KEY, who=who))):
            yield dict(one, id=one["id"] + " " + mode, source="twin:" + mode + ":" + one["source"],
                       telegram_hex=twin.hex(), key=cases.KEY.hex())


def agrees(got, want):
    """Whether a reading's value is the one a row expects: a number, or a text as a docstring has it."""
    if not isinstance(want, str):
        return cases.near(got, want)
    if isinstance(got, list):
        return " ".join(got) == want
    if isinstance(got, float):
        return cases.near(got, float(want))
    return str(got) == want
