"""The gateway's configuration: config.json as its owner writes it, works.json as the works sent it.

Everything is checked once, at the start, and what is wrong is said in one line that names the place. A missing value
has its default here and nowhere else.
"""

import json

from .errors import ConfigError

KINDS = ("home", "concentrator", "drive-by")
WATER = (0x06, 0x07, 0x15, 0x16)  # EN 13757-7 table 13: hot, water, cold, ... : the media types a home may relay
MIN_INTERVAL, MAX_INTERVAL = 10, 86400
MIN_WINDOW, MAX_WINDOW = 60, 86400


def _whole(value, name, low, high):
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError("%s: a whole number from %d to %d, not %r" % (name, low, high, value))
    return value


def _text(value, name, longest=256):
    if not isinstance(value, str) or not value or len(value) > longest:
        raise ConfigError("%s: a text of 1 to %d characters" % (name, longest))
    return value


def _known(table, name, keys):
    if not isinstance(table, dict):
        raise ConfigError("%s: an object {...}" % name)
    for key in table:
        if key not in keys:
            raise ConfigError("%s: unknown setting %r (known: %s)" % (name, key, ", ".join(keys)))


def key_bytes(text, name):
    """A 16-byte AES key from its 32 hex digits."""
    try:
        key = bytes.fromhex(text)
    except (ValueError, TypeError):
        key = b""
    if len(key) != 16:
        raise ConfigError("%s: a key is 32 hex digits" % name)
    return key


def _meters(value, name):
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > 2000:
        raise ConfigError("%s: null or a list of at most 2000 meters" % name)
    for entry in value:
        parts = entry.split("-") if isinstance(entry, str) else []
        if len(parts) not in (2, 4) or len(parts[0]) != 3 or (len(parts) == 2 and parts[1] != "*"):
            raise ConfigError("%s: %r is neither a meter like KAM-12345678-1B-16 nor a make like KAM-*" % (name, entry))
    return value


def _port(value, name):
    _text(value, name)
    if value.startswith("tcp://"):
        host, _, port = value[6:].rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError("%s: tcp://HOST:PORT, not %r" % (name, value))
    elif value != "-" and not value.startswith("/"):
        raise ConfigError("%s: tcp://HOST:PORT, a serial line /dev/... or -, not %r" % (name, value))
    return value


def _server(value, name):
    """(host, port) of a time server, HOST or HOST:PORT."""
    host, colon, number = _text(value, name).rpartition(":")
    if not colon:
        host, number = value, "123"
    if not host or not number.isdigit() or not 0 < int(number) < 65536:
        raise ConfigError("%s: HOST or HOST:PORT, not %r" % (name, value))
    return host, int(number)


def relay_filter(relay, window, name="relay"):
    """Check a relay filter {window, media, meters}; returns it complete, with `window` seconds if it names none."""
    _known(relay, name, ("window", "media", "meters"))
    media = relay.get("media", list(WATER))
    if not isinstance(media, list) or not media or any(m not in WATER for m in media):
        raise ConfigError("%s.media: water types only (6, 7, 21, 22)" % name)
    return {"window": _whole(relay.get("window", window), name + ".window", MIN_WINDOW, MAX_WINDOW), "media": media,
            "meters": _meters(relay.get("meters"), name + ".meters")}


def own_meters(value, parse_meter, name="own_meters"):
    """Check the household's own meters [{meter, key}]; returns [(meter text, key bytes or None)]."""
    if not isinstance(value, list) or len(value) > 16:
        raise ConfigError("%s: a list of at most 16 meters" % name)
    found = []
    for i, entry in enumerate(value):
        where = "%s[%d]" % (name, i)
        _known(entry, where, ("meter", "key"))
        text = _text(entry.get("meter"), where + ".meter", 24)
        try:
            parse_meter(text)
        except ValueError:
            raise ConfigError("%s.meter: %r is not a meter like KAM-12345678-1B-16" % (where, text))  # noqa: B904
        key = entry.get("key")
        found.append((text, None if key is None else key_bytes(key, where + ".key")))
    return found


def _han(value):
    if value is None:
        return None
    _known(value, "han", ("port", "send", "ek", "ak", "p1_without_crc"))
    keys: "dict" = {"port": _port(value.get("port"), "han.port")}
    for name in ("send", "p1_without_crc"):
        keys[name] = value.get(name, False)
        if keys[name] is not True and keys[name] is not False:
            raise ConfigError("han.%s: true or false" % name)
    for name in ("ek", "ak"):
        keys[name] = None if value.get(name) is None else key_bytes(value[name], "han." + name)
    return keys


def _module(value, name):
    # What names a module of ours is the owner's text: nothing else is to be loaded by it.
    if any(not ("a" <= c <= "z" or c.isdigit()) for c in _text(value, name, 32)):
        raise ConfigError("%s: letters a-z and digits" % name)
    return value


def _wifi(value):
    _known(value, "wifi", ("ssid", "password", "country"))
    ssid = _text(value.get("ssid"), "wifi.ssid", 32)
    if len(ssid.encode()) > 32:
        raise ConfigError("wifi.ssid: at most 32 bytes of UTF-8")
    password = value.get("password")
    # Nothing of it is in the message, which ends in logs.
    if password is not None and (not isinstance(password, str) or not 8 <= len(password.encode()) <= 64):
        raise ConfigError("wifi.password: 8 to 64 characters, or null for an open network")
    country = value.get("country", "NO")
    if not isinstance(country, str) or len(country) != 2 or any(not "A" <= c <= "Z" for c in country):
        raise ConfigError("wifi.country: two capital letters like NO, not %r" % (country,))
    return {"ssid": ssid, "password": password, "country": country}


def check(raw, parse_meter, works):
    """Check a whole config.json; returns it complete. `parse_meter` is the codec's, `works` the checked enrolment file:
    its window and interval hold where the configuration names none. Raises ConfigError."""
    _known(raw, "config", ("kind", "firmware", "interval", "relay", "radios", "han", "own_meters", "simulated",
                           "status", "spool", "consent", "sntp", "board", "wifi"))
    kind = raw.get("kind", "home")
    if kind not in KINDS:
        raise ConfigError("kind: one of %s" % ", ".join(KINDS))
    radios = raw.get("radios", [])
    if not isinstance(radios, list) or len(radios) > 8:
        raise ConfigError("radios: a list of at most 8")
    for i, radio in enumerate(radios):
        where = "radios[%d]" % i
        _known(radio, where, ("radio", "port"))
        _module(radio.get("radio"), where + ".radio")
        _port(radio.get("port"), where + ".port")
    spool = raw.get("spool", {})
    if isinstance(spool, str):
        spool = {"on": spool}
    _known(spool, "spool", ("on", "telegrams", "values"))
    if spool.get("on") not in (None, "file", "flash"):
        raise ConfigError("spool: \"file\" or \"flash\", not %r" % spool["on"])
    simulated = raw.get("simulated")
    if simulated is not None:
        _known(simulated, "simulated", ("scale", "clock"))
        _whole(simulated.get("scale", 1), "simulated.scale", 1, 100000)
        _whole(simulated.get("clock", 0), "simulated.clock", 0, 1 << 40)
    consent = raw.get("consent", {})
    _known(consent, "consent", ("valve",))
    return {
        "kind": kind,
        "firmware": _text(raw["firmware"], "firmware", 64) if raw.get("firmware") else None,
        "interval": _whole(raw.get("interval", works["interval"]), "interval", MIN_INTERVAL, MAX_INTERVAL),
        "relay": relay_filter(raw.get("relay", {}), works["window"]),
        "radios": radios,
        "han": _han(raw.get("han")),
        "own_meters": own_meters(raw.get("own_meters", []), parse_meter),
        "simulated": simulated,
        "status": raw.get("status") is True,
        # None: on flash where there is a partition for it. The sizes are those of the files.
        "spool": {"on": spool.get("on"),
                  "telegrams": _whole(spool.get("telegrams", 4 << 20), "spool.telegrams", 16384, 1 << 30),
                  "values": _whole(spool.get("values", 512 << 10), "spool.values", 16384, 1 << 30)},
        "consent": {"valve": consent.get("valve") is True},
        "sntp": None if raw.get("sntp") is None else _server(raw["sntp"], "sntp"),
        "board": None if raw.get("board") is None else _module(raw["board"], "board"),
        "wifi": None if raw.get("wifi") is None else _wifi(raw["wifi"]),
    }


def check_works(raw):
    """Check an enrolment file; returns it complete. Raises ConfigError."""
    _known(raw, "works", ("works", "url", "anchors", "command_keys", "gateway", "window", "interval", "name"))
    url = _text(raw.get("url"), "works.url")
    host, port = split_url(url)
    anchors = raw.get("anchors")
    if not isinstance(anchors, list) or not 1 <= len(anchors) <= 4 or any(
            not isinstance(a, str) or "-----BEGIN CERTIFICATE-----" not in a for a in anchors):
        raise ConfigError("works.anchors: one to four PEM certificates")
    keys = raw.get("command_keys", [])
    if not isinstance(keys, list) or len(keys) > 4:
        raise ConfigError("works.command_keys: a list of at most 4")
    for key in keys:
        try:
            good = len(bytes.fromhex(key)) == 32
        except (ValueError, TypeError):
            good = False
        if not good:
            raise ConfigError("works.command_keys: 64 hex digits each")
    return {"works": _text(raw.get("works"), "works.works", 64), "host": host, "port": port, "anchors": anchors,
            "command_keys": [bytes.fromhex(k) for k in keys], "gateway": _text(raw.get("gateway"), "works.gateway", 16),
            "interval": _whole(raw.get("interval", 900), "works.interval", MIN_INTERVAL, MAX_INTERVAL),
            "window": _whole(raw.get("window", 3600), "works.window", MIN_WINDOW, MAX_WINDOW)}


def split_url(url):
    """(host, port) of an https URL without a path."""
    rest = url[8:] if url.startswith("https://") else ""
    if rest.endswith("/"):
        rest = rest[:-1]
    host, colon, port = rest.rpartition(":")
    if not colon:
        host, port = rest, "443"
    if not host or "/" in host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError("works.url: https://HOST[:PORT], not %r" % url)
    return host, int(port)


def parse(data, name):
    """The JSON object in a file's bytes; None for no file. Raises ConfigError."""
    if data is None:
        raise ConfigError("%s: no such file" % name)
    try:
        return json.loads(data)
    except ValueError as e:
        raise ConfigError("%s: not JSON (%s)" % (name, e))  # noqa: B904
