"""Makes a gateway from its folder: reads and checks what is in it and puts the parts together.

A device drops this module once the gateway runs, so nothing that runs may hold a function of it: that is in folder.py.
"""

import json

from . import identity, port, version
from .clock import Clock
from .errors import ConfigError
from .folder import Folder, restored
from .gateway import Gateway
from .home import history
from .port import files
from .spool.flush_rule import MOST_S, FlushRule
from .uplink.uplink import Uplink
from .watch import WATCHDOG_S, Watch

LINE = "2400:8N1"  # of a radio that names none
LATENCY_MS = 200  # what a real delay may add to a learnt time, for a clock that runs faster


def radio_class(name):
    """The class of a radio: the name is the module."""
    return _named("radio", name, "Radio").Radio


def _named(kind, name, part):
    # The module of a radio or a board, which has a `part`.
    try:
        return __import__("firmware.%ss.%s" % (kind, name), None, None, (part,))
    except ImportError as e:
        if name in str(e):
            raise ConfigError("%s: there is none called %r" % (kind, name))  # noqa: B904
        raise


def load(path):
    """Read and check what is in a gateway\'s folder; returns (config, works, identity). Raises ConfigError."""
    from . import config
    works = config.check_works(config.parse(files.read_whole(path + "/works.json"), "works.json"))
    raw = config.parse(files.read_whole(path + "/config.json"), "config.json")
    settings = config.check(raw, works)
    data = files.read_whole(path + "/identity.json")
    if data is None:
        raise ConfigError("identity.json: no such file (enrol this gateway first)")
    try:
        me = identity.load(data)
    except ValueError as e:
        raise ConfigError(str(e))  # noqa: B904
    if works["gateway"] != me.gateway:
        raise ConfigError("works.json is of gateway %s, identity.json of %s" % (works["gateway"], me.gateway))
    return settings, works, me


def read_json(path, name):
    """The object in a file that the gateway wrote itself; {} if there is none or it is damaged."""
    try:
        value = json.loads(files.read_whole(path + "/" + name) or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def open_rings(path, settings, random_bytes, record_time):
    """The two rings (values, telegrams) of a gateway's folder, on flash or in files; `settings` is its "spool". Without
    `random_bytes` only to look at. Raises ConfigError."""
    device = None if settings["on"] == "file" else port.flash(path, settings["on"] == "flash" and bool(random_bytes))
    if device is not None:
        from .spool import blocks
        return blocks.open_rings(device, random_bytes, record_time)
    if settings["on"] == "flash" and random_bytes:
        raise ConfigError("spool: there is no flash partition \"netti\" here")
    from .spool.files import Ring
    return [Ring(files, path + "/spool/" + name, settings[name], random_bytes, record_time)
            for name in ("values", "telegrams")]


def make(path, status=False, slots=None):
    """The gateway of the folder at a path, ready to run; `slots` is where the slots are that its
    firmware runs from, if it does. Raises ConfigError."""
    settings, works, me = load(path)
    settings["status"] = settings["status"] or status
    if settings["simulated"]:
        port.set_scale(settings["simulated"].get("scale", 1), settings["simulated"].get("clock"))

    if not files.lock(path):
        raise ConfigError("%s: a gateway is running here already" % path)

    folder = Folder(path)
    orders = _ordered(settings, path)
    state = restored(read_json(path, "state.json"))
    state["boot"] += 1
    crash, cause = files.read_whole(path + "/crash.json"), port.reset_cause()
    state["starts"] = _starts(state["starts"], cause, crash)
    folder.save_state(state)
    clock = Clock(port.uptime_ms, max(version.BUILT, state["floor"]),
                  LATENCY_MS * port.scale() if port.scale() > 1 else 0)
    rings = open_rings(path, settings["spool"], port.random_bytes, clock.record_time)
    g = Gateway(port, settings, me, clock, rings, state, folder.save_state, history.History(files, path + "/history"))
    g.thinning.secret = int.from_bytes(port.random_bytes(2), "little")
    folder.g, folder.works = g, works
    g.watch = Watch(g, port.watchdog(WATCHDOG_S) if slots else None, folder.save_crash)
    g.journal.started("start")
    for ring in rings:
        for _ in ring.migrate():
            pass
    board = _named("board", g.config["board"], "CHIP") if g.config["board"] else None
    radios = _configure(g, folder, board)
    wifi = _supply_and_network(g, folder, board)
    g.orders = orders
    g.save_orders = folder.save_orders
    _connect(g, folder, works)
    _board(g, board, radios, wifi)
    if crash is not None or cause and g.state["starts"] < 3:  # which is no hang, whatever its number says
        from .crash import tell
        tell(g, crash, cause)
    if slots:
        from .update.updater import Updater
        g.updater = Updater(g, slots)
    return g


def _ordered(settings, path):
    # What the works ordered, put in place; then what checks is let go, before there is more to hold.
    from . import config
    orders = config.apply_orders(settings, read_json(path, "orders.json"))
    port.forget(("firmware.config", "firmware.wire.orders"))
    return orders


def _configure(g, folder, board):
    # Own meters, HAN port and radios, as far as they are configured: only then is their code loaded.
    g.make_own = folder.make_own
    if g.config["own_meters"]:
        g.own = g.make_own(g.config["own_meters"])
    if g.config["han"]:
        if g.config["han"]["port"] == "board":
            line = g.config["han"]["line"] = _soldered(g, board, "HAN")
            if isinstance(line[0], str):  # a serial line of an operating system
                g.config["han"]["port"] = line[0]
        from .home.han_port import HanPort
        g.han = HanPort(g.config["han"], g.clock, files.read_whole(folder.path + "/han.json"),
                        folder.saver("/han.json"),
                        g.journal.electricity_hour, g.count)
    if hasattr(board, "SET"):
        port.set_pins(board.SET)
    return [_make_radio(g, "radio%d" % i, board, radio_class(radio["radio"]), radio["radio"], radio["port"])
            for i, radio in enumerate(g.config["radios"])]


def _starts(starts, cause, crash):
    # How many starts in a row followed a loss of power, with this one.
    if not cause:
        return 0
    from . import quiet
    return quiet.counted(starts, cause, crash is not None)


def _board(g, board, radios, wifi):
    # Console, lamp and button of a board, and the quiet mode that a failing supply makes it begin with.
    console = quiet = None
    if board is not None:
        from .console import Console
        console = Console(g, g.config["board"], radios, _pin(g, port.lamp, board, "LED"), wifi)
        g.others.append(("console", console.run))
    if g.state["starts"]:
        from . import quiet as mode
        if mode.pause(g.state["starts"]):
            quiet = mode.Quiet(g, g.state["starts"], _pin(g, port.button, board, "BUTTON"))
    if quiet is None:
        return
    g.uplink.run = quiet.held(g.uplink.run)
    g.others = [(name, quiet.held(work) if name == "wifi" else work) for name, work in g.others]
    g.others.append(("quiet", quiet.run))
    if console is not None:
        console.quiet = True
        quiet.on_over = console.loud


def _pin(g, make, board, name):
    # What a board's pin of this name does; None where there is none. A wrong one is said, and does without.
    if not hasattr(board, name):
        return None
    try:
        return make(*getattr(board, name))
    except ValueError as e:
        port.print_line("netti: fault 7: board %s: %s: %s" % (g.config["board"], name, e))
        g.journal.event_if_room("fault", "board %s: %s: %s" % (g.config["board"], name, e))
    return None


def _make_radio(g, task, board, kind, name, where):
    # One on a stream, or a chip on the board's SPI: then `kind(bus)` is made by the task that listens to it.
    # Returns (task, name, what has `found`).
    if where == "board":
        pins = getattr(board, "RADIO", None)
        if pins and pins[0] == name:
            from .chip_radio import ChipRadio
            radio = ChipRadio(g, name, kind, pins)
            g.others.append((task, radio.run))
            return task, name, radio
        uart, rx, tx = _soldered(g, board, "RADIO_UART")
        where = uart if isinstance(uart, str) else "uart:%d:%d:%s" % (uart, rx, "-" if tx is None else tx)
    if where == "usb" or where.startswith("uart:") or where.startswith("/") and ":" not in where:
        where += ":" + getattr(kind, "LINE", LINE)
    if where == "-" and hasattr(kind, "poll"):
        raise ConfigError("%s: %s has to be spoken to, not only listened to: tcp://... or a serial line" % (task, name))
    g.radios.append((kind(), where))
    return task, name, g.radios[-1][0]


def _soldered(g, board, part):
    # What the board's file says of a part of it.
    value = getattr(board, part, None)
    if value is None:
        raise ConfigError("board %s: it has no %s" % (g.config["board"], part))
    return value


def _supply_and_network(g, folder, board):
    # The supply that the board can measure, and the Wi-Fi that the gateway looks after itself.
    if hasattr(board, "SUPPLY"):
        g.supply = port.millivolts(*board.SUPPLY)
        g.flush_rule = FlushRule(MOST_S, board.LOW_MV)
    if g.config["wifi"]:
        station = port.wlan(g.config["wifi"])
        if station is None:
            raise ConfigError("wifi: there is none here that a gateway could set up (an operating system does it)")
        from .uplink.wifi import Wifi
        saved = files.read_whole(folder.path + "/wifi.json")
        wifi = Wifi(g, station, g.config["wifi"], saved, folder.saver("/wifi.json"))
        g.others.append(("wifi", wifi.run))
        return wifi
    return None


def _connect(g, folder, works):
    # The uplink, the orders that come over it, and the enrolment file they may replace.
    g.uplink = Uplink(works, g.identity, (g.values, g.telegrams), g.clock, g.config["interval"], folder.head,
                      g.journal.renewed, folder.execute_orders, g.count)
    g.save_works = folder.save_works
    g.uplink.on_trusted = folder.forget_former_works
    former = files.read_whole(folder.path + "/works.old.json")
    if former is not None:
        from . import config
        try:
            g.uplink.trust(works, config.check_works(config.parse(former, "works.old.json")))
        except ConfigError:
            folder.forget_former_works()
    if g.state["executing"]:
        folder.make_orders().resume()
