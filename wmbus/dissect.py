"""Every byte of a telegram with its meaning, layer by layer: what `explain` hands to a program that shows it.

Spans are (start, end, layer, meaning) over the telegram's bytes, in order and without gaps. Layers: "dll", "ell",
"afl", "tpl", "data" (records), "maker" (what only the maker can explain), "sealed" (cipher text without its
key) and "rest". Decryption keeps every byte in its place, so the spans fit the plain bytes as well.
"""

from . import compact, identity, media, naming, records, rest, security, transport
from . import plan as plans
from .decoder import NOT_SEALED, status_byte
from .drivers import EMPTY, model
from .errors import DecodeError, Fragment, KeyMissing, Unsealed, WrongKey
from .vif import meaning

CONTROL = {0x44: "SND-NR, unsolicited", 0x46: "SND-IR, installation", 0x08: "RSP-UD, answer", 0x48: "ACC-NR",
           0x53: "SND-UD, command", 0x06: "SND-IR acknowledged", 0x47: "ACC-DMD"}
CIS = {0x72: "records, long header", 0x73: "compact frame, long header", 0x78: "records, no header",
       0x79: "compact frame, no header", 0x7A: "records, short header", 0x7B: "compact frame, short header",
       0x8C: "extended link layer I", 0x8D: "extended link layer II", 0x8E: "extended link layer III",
       0x8F: "extended link layer IV", 0x90: "authentication and fragmentation layer"}
KINDS = ("no data", "8 bit", "16 bit", "24 bit", "32 bit", "32 bit real", "48 bit", "64 bit", "selection", "2 digits",
         "4 digits", "6 digits", "8 digits", "variable length", "12 digits", "special")
FUNCTIONS = ("", ", maximum", ", minimum", ", during an error")
MODES = {0: "not encrypted", 2: "DES-CBC", 3: "DES-CBC", 5: "AES-CBC", 7: "AES-CBC, derived key",
         8: "AES-CTR", 9: "AES-GCM", 10: "AES-CCM, derived key", 13: "TLS"}

NOT_SEALED_REST = "not encrypted: anybody may have put it there, not read"


def explain(telegram: bytes, key: "bytes | None" = None, aes=None, formats: "dict | None" = None,
            decrypted: bool = False) -> dict:
    """What each byte of a telegram means, as far as it can be read; never raises DecodeError.

    "spans": see above. "plain": the bytes after decryption. "meter": as text, or None. "error": (kind, reason) of what
    stopped it, kind "key missing", "wrong key", "unsealed", "fragment" or "damaged", or None. "known": whether a driver
    knows the meter. "driver": text of a driver file to start from, or None.
    """
    spans: "list[tuple[int, int, str, str]]" = []
    result: dict = {"spans": spans, "plain": telegram, "meter": None, "error": None, "known": False, "driver": None}
    layers = None
    try:
        layers = transport.begin(telegram)
        layers.decrypted = decrypted and key is None
        if layers.end > len(telegram) or layers.data is not telegram and len(layers.data) != len(telegram):
            raise DecodeError("unreadable length", 0)
        _walk(layers, spans, key, aes, formats, result)
    except DecodeError as error:
        kind = "damaged"
        if isinstance(error, (KeyMissing, WrongKey)):
            kind = "key missing" if isinstance(error, KeyMissing) else "wrong key"
        elif isinstance(error, Unsealed):
            kind = "unsealed"
        elif isinstance(error, Fragment):
            kind = "fragment"
        result["error"] = (kind, error.reason)
        if layers is not None and kind != "damaged":
            _add(spans, layers.at, layers.end, "rest" if kind == "unsealed" else "sealed",
                 ("not read: " if kind == "unsealed" else "encrypted: ") + error.reason)
    if layers is not None:
        result["plain"] = layers.data + telegram[len(layers.data):]
        if layers.address:
            result["meter"] = identity.meter_text(identity.meter_of(layers.address))
    _close(spans, len(telegram))
    return result


def _add(spans, start, end, layer, text):
    if end > start:
        spans.append((start, end, layer, text))


def _close(spans, size):
    """Put the spans in order and name what none of them covers."""
    spans.sort()
    at = 0
    closed = []
    for span in spans:
        if span[0] > at:
            closed.append((at, span[0], "rest", "not read"))
        if span[1] > at:
            closed.append((max(at, span[0]),) + span[1:])
            at = span[1]
    if at < size:
        closed.append((at, size, "rest", "not read"))
    spans[:] = closed


def _walk(layers, spans, key, aes, formats, result):
    data = layers.data
    if layers.wired:
        _add(spans, 0, 4, "dll", "long frame, %d bytes" % data[1])
        _add(spans, 4, 5, "dll", "C %02X" % data[4])
        _add(spans, 5, 6, "dll", "primary address %d" % data[5])
        _add(spans, layers.end, len(data), "dll", "checksum and stop byte")
    else:
        _add(spans, 0, 1, "dll", "L: %d bytes follow" % data[0])
        _add(spans, 1, 2, "dll", "C %02X: %s" % (data[1], CONTROL.get(data[1], "")))
        _add(spans, 2, 4, "dll", "manufacturer %s" % identity.letters(data[2] | data[3] << 8))
        _address(spans, data, 4, "dll")
    first = layers.at
    try:
        transport.walk(layers)
    finally:
        _headers(layers, spans, first)
    if layers.ell_at is not None and layers.ci == 0:
        start = layers.at
        access_number = layers.access_number
        security.open_ell(layers, key, aes)
        when = " after decryption" if layers.ell_encrypted else ""
        _add(spans, start, start + 2, "ell", "payload CRC, right" + when)
        first = layers.at
        try:
            transport.walk(layers)
        finally:
            _headers(layers, spans, first)
        if layers.access_number is None:
            layers.access_number = access_number
    start = layers.at
    end = layers.end
    security.check_mac(layers, key, aes)
    if layers.mode:
        security.open_tpl(layers, key, aes)
        if layers.at > start:
            also = ", message counter" if layers.at > start + 1 else ""
            _add(spans, start, layers.at, "tpl", "configuration extension" + also)
        if layers.end < end and layers.plain_end is None:
            _add(spans, layers.end, end, "tpl", "authentication tag, right")
    driver = model(layers.address)[1]
    result["known"] = driver is not EMPTY
    if driver is EMPTY:
        result["driver"] = skeleton(layers)
    layers.key = key
    layers.aes = aes
    if key is not None and not layers.opened and not 0xA0 <= layers.ci <= 0xB7:
        raise Unsealed(NOT_SEALED, layers.tpl_at)
    _body(layers, spans, driver, formats)
    if key is not None and not layers.opened:
        raise Unsealed(NOT_SEALED, layers.tpl_at)
    if layers.plain_end is not None:
        _behind(layers, spans)


def _address(spans, data, at, layer):
    _add(spans, at, at + 4, layer, "number %02X%02X%02X%02X" % (data[at + 3], data[at + 2], data[at + 1], data[at]))
    _add(spans, at + 4, at + 5, layer, "version %02X" % data[at + 4])
    _add(spans, at + 5, at + 6, layer, "type %02X: %s" % (data[at + 5], media.MEDIA.get(data[at + 5], "reserved")))


def _headers(layers, spans, at):
    """Spans of the headers between `at` and where the walk stopped."""
    data = layers.data
    if layers.ell_at is not None and layers.ell_at >= at:
        at = layers.ell_at
        ci = data[at]
        _add(spans, at, at + 1, "ell", "CI %02X: %s" % (ci, CIS[ci]))
        _add(spans, at + 1, at + 2, "ell", "communication control %02X" % data[at + 1])
        _add(spans, at + 2, at + 3, "ell", "access number %d" % data[at + 2])
        at += 3
        if ci in (0x8E, 0x8F):
            _add(spans, at, at + 8, "ell", "second address")
            at += 8
        if ci & 1:
            how = "AES-CTR" if layers.ell_encrypted else "not encrypted"
            _add(spans, at, at + 4, "ell", "session number, " + how)
    if layers.afl is not None and layers.afl_at is not None:
        _afl(layers, spans)
    if not layers.ci:
        return
    at = layers.tpl_at
    ci = layers.ci
    text = CIS.get(ci) or ("maker's own frame" if 0xA0 <= ci <= 0xB7 else "")
    _add(spans, at, at + 1, "tpl", "CI %02X: %s" % (ci, text) if text else "CI %02X" % ci)
    at += 1
    if ci in transport.LONG_TPL:
        if at + 12 > layers.end:
            return
        _add(spans, at, at + 4, "tpl", "number %02X%02X%02X%02X" % (data[at + 3], data[at + 2], data[at + 1], data[at]))
        _add(spans, at + 4, at + 6, "tpl", "manufacturer %s" % identity.letters(data[at + 4] | data[at + 5] << 8))
        _add(spans, at + 6, at + 7, "tpl", "version %02X" % data[at + 6])
        _add(spans, at + 7, at + 8, "tpl", "type %02X: %s" % (data[at + 7],
                                                             media.MEDIA.get(data[at + 7], "reserved")))
        at += 8
    if layers.status is not None:
        _add(spans, at, at + 1, "tpl", "access number %d" % data[at])
        _add(spans, at + 1, at + 2, "tpl", "status %02X%s" % (data[at + 1], _status(layers)))
        mode = layers.mode
        _add(spans, at + 2, at + 4, "tpl", "configuration %04X: security mode %d, %s" % (
            layers.configuration, mode, MODES.get(mode, "the maker's own" if mode > 15 else "reserved")))


def _status(layers):
    """The words of the status byte and, in brackets, the alarms they are."""
    words: "list[str]" = []
    alarms: "list[str]" = []
    if layers.status:
        status_byte(layers.status, model(layers.address)[1], words, alarms)
    return (": " + " ".join(words) if words else "") + (" (%s)" % ", ".join(alarms) if alarms else "")


def _afl(layers, spans):
    data = layers.data
    at = layers.afl_at
    fcl, mcl, ki, counter, mac, length = layers.afl
    _add(spans, at, at + 1, "afl", "CI 90: " + CIS[0x90])
    _add(spans, at + 1, at + 2, "afl", "%d bytes" % data[at + 1])
    _add(spans, at + 2, at + 4, "afl", "fragmentation control %04X" % fcl)
    at += 4
    for size, text in ((1 if fcl & 0x2000 else 0, "message control %02X" % mcl), (len(ki or b""), "key information"),
                       (len(counter or b""), "message counter"), (len(mac or b""), "MAC"),
                       (len(length or b""), "message length")):
        _add(spans, at, at + size, "afl", text)
        at += size


def _body(layers, spans, driver, formats):
    data = layers.data
    at = layers.at
    end = layers.end
    if layers.ci in (0x79, 0x7B, 0x73):
        while at < end and layers.mode and data[at] == records.FILLER:
            at += 1
        _add(spans, layers.at, at, "data", "2F2F: decryption worked")
        _add(spans, at, min(at + 2, end), "data", "format signature")
        _add(spans, at + 2, min(at + 4, end), "data", "CRC of the full frame")
        full, _ = compact.expand(layers, formats, driver.get("formats") or {})
        # The values lie in the order of the full frame's records.
        at += 4
        for record in records.walk(full, 0, len(full)):
            size = record.size + (1 if record.kind == records.LVAR else 0)
            _add(spans, at, at + size, "data", _value(layers.address, full, record) + " (" + _head(record) + ")")
            at += size
        _add(spans, at, end, "data", "filler")
        return
    if "body" in driver or layers.ci not in (0x7A, 0x72, 0x78):
        _own(layers, spans, driver.get("body" if layers.ci in (0x7A, 0x72, 0x78) else "payload"))
        return
    if layers.mode >= 16 and not layers.diehl:
        raise DecodeError("the maker's own security mode %d" % layers.mode, at - 2)
    walked = records.walk(data, at, end, False)
    for record in walked:
        stop = record.value + record.size
        if record.kind == 15:
            _add(spans, record.at, record.at + 1, "data", "DIF %02X: the maker's data follow" % data[record.at])
            _add(spans, record.value, stop, "maker", "the maker's data")
            continue
        layer = "maker" if record.vif[0] & 0x7F == 0x7F else "data"
        _add(spans, record.at, record.value, layer, _head(record))
        _add(spans, record.value, stop, layer, _value(layers.address, data, record))
    _fill(spans, data, [(r.at, r.value + r.size) for r in walked], at, end, at if layers.mode else None)


def _fill(spans, data, covered, at, end, checked=None):
    """The spans of `data[at:end]` between records; `checked` is where 2F2F is the check of a decryption."""
    for start, stop in _between(covered, at, end):
        fill = start
        while fill < stop and data[fill] == records.FILLER:
            fill += 1
        _add(spans, start, fill, "data", "2F2F: decryption worked" if start == checked and fill == start + 2
             else "filler")
        _add(spans, fill, stop, "rest", "a record cut short")


def _behind(layers, spans):
    """The spans of what follows the encrypted records in plain."""
    data = layers.data
    walked = records.walk(data, layers.end, layers.plain_end, False)
    _fill(spans, data, [(r.at, r.value + r.size) for r in walked], layers.end, layers.plain_end)
    for record in walked:
        stop = record.value + record.size
        if rest.harmless(record):
            _add(spans, record.at, record.value, "data", _head(record) + ", not encrypted")
            _add(spans, record.value, stop, "data", _value(layers.address, data, record))
        else:
            _add(spans, record.at, stop, "rest", NOT_SEALED_REST)


def _own(layers, spans, read):
    """The span of the maker's own data, with what the driver's function reads in them."""
    text = ", no driver knows them"
    if read is not None:
        reading: dict = {"id": identity.number(layers.address)}
        words: "list[str]" = []
        read(layers, reading, words, [])
        del reading["id"]
        parts = ["%s=%s" % (name, reading[name]) for name in sorted(reading)]
        if words:
            parts.append("status=" + " ".join(sorted(words)))
        text = ": " + ", ".join(parts)
    _add(spans, layers.at, layers.end, "maker", "the maker's own data" + text)


def _between(covered, at, end):
    for start, stop in covered + [(end, end)]:
        if start > at:
            yield at, start
        at = stop


def _head(record):
    described = meaning(record.vif)
    text = "%s%s" % (KINDS[record.kind], FUNCTIONS[record.function])
    for number, what in ((record.storage, "storage"), (record.tariff, "tariff"), (record.subunit, "subunit")):
        if number:
            text += ", %s %d" % (what, number)
    if described is None:
        return text + (", maker's VIF " if record.vif[0] & 0x7F == 0x7F else ", reserved VIF ") + record.vif.hex()
    quantity, unit, multiply, divide, words = described
    text += ", " + " ".join([record.text or quantity.replace("_", " ")] + words)
    if unit and unit not in ("date", "bits"):
        text += " in " + unit
        if multiply != 1:
            text += " x %d" % multiply
        if divide != 1:
            text += " / %d" % divide
    return text


def _value(address, data, record):
    """What a record gives in a reading: name=value."""
    reading: dict = {}
    words: "list[str]" = []
    start = record.at
    stop = record.value + record.size
    one = plans.build(address, data, start, stop)
    plans.apply(one, data, start, reading, words, [])
    parts = ["%s=%s" % (name, reading[name]) for name in sorted(reading)]
    if words:
        parts.append("status=" + " ".join(sorted(words)))
    if not parts and record.size:
        name = naming.describe(record, address[7])[0]
        parts.append(name + (" without a flag" if one.flags else " without a value"))
    return ", ".join(parts) or "no value"


def skeleton(layers) -> str:
    """The text of a driver file for a meter no driver knows: its records under their standard names."""
    meter = identity.meter_of(layers.address)
    lines = ['"""%s: (the maker\'s name and meters)."""' % meter.manufacturer, "", "METERS = (",
             "    ((0x%02X,), (0x%02X,), {" % (meter.version, meter.type)]
    if layers.ci in (0x7A, 0x72, 0x78):
        names: "list[str]" = []
        for record in records.walk(layers.data, layers.at, layers.end, False):
            if record.kind != 15 and record.size:
                name = naming.describe(record, meter.type)[0]
                if name not in names:
                    names.append(name)
        lines.append('        "names": {')
        lines += ['            "%s": "%s",' % (name, name) for name in names]
        lines.append("        },")
    elif layers.ci in (0x79, 0x7B, 0x73):
        lines.append('        "formats": {},  # signature: DIF and VIF bytes, as a full frame shows them')
    else:
        lines.append('        "payload": None,  # a function(layers, reading, words, alarms) for CI %02X' % layers.ci)
    lines += ["    }),", ")", ""]
    return "\n".join(lines)
