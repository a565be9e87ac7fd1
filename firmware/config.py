"""The gateway's configuration: config.json as its owner writes it, orders.json and works.json as the works sent them.

Everything is checked once, at the start, and what is wrong is said in one line that names the place. A missing value
has its default here and nowhere else. What the works may order has its bounds in wire/orders.py.
"""

import json

from .errors import ConfigError
from .wire import orders
from .wire.enrolment import KINDS

RELAY = ("map", (("window", orders.WINDOW), ("media", orders.MEDIA), ("meters", orders.LISTED)))


def _whole(value, name, low, high):
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError("%s: a whole number from %d to %d, not %r" % (name, low, high, value))
    return value


def _text(value, name, longest=256):
    if not isinstance(value, str) or not value or len(value) > longest:
        raise ConfigError("%s: a text of 1 to %d characters" % (name, longest))
    return value


def _only(table, name, keys):
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


def _bounded(kind, value, name):
    fault = orders.wrong(kind, value)
    if fault:
        raise ConfigError(name + fault)
    return value


def _meter(text):
    # As an order writes it, however the owner did.
    return text.strip().upper() if isinstance(text, str) else text


def _port(value, name, board):
    if value is None and board:
        return "board"
    _text(value, name)
    if value == "board":
        if not board:
            raise ConfigError("%s: \"board\" needs a board in config.json" % name)
    elif value.startswith("tcp://"):
        host, _, port = value[6:].rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError("%s: tcp://HOST:PORT, not %r" % (name, value))
    elif value not in ("-", "usb") and value[:1] != "/" and value[:4] != "usb:":
        raise ConfigError("%s: board, usb, tcp://HOST:PORT, a serial line /dev/... or -, not %r" % (name, value))
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
    _only(relay, name, ("window", "media", "meters"))
    meters = relay.get("meters")
    if isinstance(meters, list):
        meters = [_meter(text) for text in meters]
    return _bounded(RELAY, {"window": relay.get("window", window), "media": relay.get("media", list(orders.WATER)),
                            "meters": meters}, name)


def own_meters(value, name="own_meters"):
    """Check the household's own meters [{meter, key}]; returns [(meter text, key bytes or None)]."""
    rows = []
    for i, entry in enumerate(value if isinstance(value, list) else ()):
        where = "%s[%d]" % (name, i)
        _only(entry, where, ("meter", "key"))
        key = entry.get("key")
        key = None if key is None else key_bytes(key, where + ".key")
        rows.append({"meter": _meter(entry.get("meter")), "key": key})
    _bounded(orders.OWN, rows if isinstance(value, list) else value, name)
    return [(row["meter"], row["key"]) for row in rows]


def apply_orders(settings, saved):
    """Put what the works ordered (orders.json) in place of what the configuration says; returns what holds."""
    held = {}
    for name in ("interval", "relay", "own_meters"):
        if name not in saved:
            continue
        try:
            if name == "own_meters":
                settings[name] = own_meters(saved[name])
            elif name == "relay":
                settings[name] = relay_filter(saved[name], orders.DAY)
            else:
                settings[name] = _bounded(orders.INTERVAL, saved[name], name)
            held[name] = saved[name]
        except ConfigError:
            pass  # damaged: the configuration holds, and the works may order again
    return held


def _han(value, board):
    if value is None:
        return None
    _only(value, "han", ("port", "send", "ek", "ak", "p1_without_crc"))
    keys: "dict" = {"port": _port(value.get("port"), "han.port", board)}
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
    _only(value, "wifi", ("ssid", "password", "country"))
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


def check(raw, works):
    """Check a whole config.json; returns it complete. `works` is the checked enrolment file: its window and interval
    hold where the configuration names none. Raises ConfigError."""
    _only(raw, "config", ("kind", "firmware", "interval", "relay", "radios", "han", "own_meters", "simulated",
                           "status", "spool", "consent", "sntp", "board", "wifi"))
    kind = raw.get("kind", "home")
    if kind not in KINDS:
        raise ConfigError("kind: one of %s" % ", ".join(KINDS))
    board = None if raw.get("board") is None else _module(raw["board"], "board")
    listed = raw.get("radios", [])
    if not isinstance(listed, list) or len(listed) > 8:
        raise ConfigError("radios: a list of at most 8")
    radios = []
    for i, radio in enumerate(listed):
        where = "radios[%d]" % i
        _only(radio, where, ("radio", "port"))
        radios.append({"radio": _module(radio.get("radio"), where + ".radio"),
                       "port": _port(radio.get("port"), where + ".port", board)})
    spool = raw.get("spool", {})
    if isinstance(spool, str):
        spool = {"on": spool}
    _only(spool, "spool", ("on", "telegrams", "values"))
    if spool.get("on") not in (None, "file", "flash"):
        raise ConfigError("spool: \"file\" or \"flash\", not %r" % spool["on"])
    simulated = raw.get("simulated")
    if simulated is not None:
        _only(simulated, "simulated", ("scale", "clock"))
        _whole(simulated.get("scale", 1), "simulated.scale", 1, 100000)
        _whole(simulated.get("clock", 0), "simulated.clock", 0, 1 << 40)
    consent = raw.get("consent", {})
    _only(consent, "consent", ("valve",))
    return {
        "kind": kind,
        "firmware": _text(raw["firmware"], "firmware", 64) if raw.get("firmware") else None,
        "interval": _bounded(orders.INTERVAL, raw.get("interval", works["interval"]), "interval"),
        "relay": relay_filter(raw.get("relay", {}), works["window"]),
        "radios": radios,
        "han": _han(raw.get("han"), board),
        "own_meters": own_meters(raw.get("own_meters", [])),
        "simulated": simulated,
        "status": raw.get("status") is True,
        # None: on flash where there is a partition for it. The sizes are those of the files.
        "spool": {"on": spool.get("on"),
                  "telegrams": _whole(spool.get("telegrams", 4 << 20), "spool.telegrams", 16384, 1 << 30),
                  "values": _whole(spool.get("values", 512 << 10), "spool.values", 16384, 1 << 30)},
        "consent": {"valve": consent.get("valve") is True},
        "sntp": None if raw.get("sntp") is None else _server(raw["sntp"], "sntp"),
        "board": board,
        "wifi": None if raw.get("wifi") is None else _wifi(raw["wifi"]),
    }


def check_works(raw):
    """Check an enrolment file; returns it complete. Raises ConfigError."""
    _only(raw, "works", ("works", "url", "anchors", "command_keys", "gateway", "window", "interval", "name"))
    url = _bounded(orders.ADDRESS, raw.get("url"), "works.url")
    host, port = orders.split_url(url)
    keys = raw.get("command_keys", [])
    try:
        keys = [bytes.fromhex(key) for key in keys] if isinstance(keys, list) else [b""]
    except (ValueError, TypeError):
        raise ConfigError("works.command_keys: 64 hex digits each")  # noqa: B904
    if keys:  # with none this gateway takes no orders
        _bounded(orders.COMMAND_KEYS, keys, "works.command_keys")
    return {"works": _text(raw.get("works"), "works.works", 64), "host": host, "port": port,
            "anchors": _bounded(orders.ANCHORS, raw.get("anchors"), "works.anchors"), "command_keys": keys,
            "gateway": _text(raw.get("gateway"), "works.gateway", 16),
            "interval": _bounded(orders.INTERVAL, raw.get("interval", 900), "works.interval"),
            "window": _bounded(orders.WINDOW, raw.get("window", 3600), "works.window")}


def split_url(url):
    """(host, port) of an https URL without a path. Raises ConfigError."""
    return orders.split_url(_bounded(orders.ADDRESS, url, "works.url"))


def parse(data, name):
    """The JSON object in a file's bytes; None for no file. Raises ConfigError."""
    if data is None:
        raise ConfigError("%s: no such file" % name)
    try:
        return json.loads(data)
    except ValueError as e:
        raise ConfigError("%s: not JSON (%s)" % (name, e))  # noqa: B904
