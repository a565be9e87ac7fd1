"""Start a gateway from its folder: `python -m firmware.main DIR`, the same under MicroPython.

    config.json   the owner's configuration      works.json   the enrolment file
    identity.json the key pair                   state.json   boot count, time floor, last command
    spool/        the two rings (or spool.flash) history/     the household's own hours
    han.json, own.json                           the hours that are running
    orders.json   what the works ordered         works.old.json   trusted until the new one has worked
"""

import asyncio
import json
import sys

from . import port

port.tidy()  # before the imports: what compiling them leaves behind would lie all over a small heap

import wmbus  # noqa: E402

from . import config, history, identity, version  # noqa: E402
from .clock import Clock  # noqa: E402
from .commands import Commands  # noqa: E402
from .config import ConfigError  # noqa: E402
from .gateway import Gateway, restored  # noqa: E402
from .uplink import Uplink  # noqa: E402

LATENCY_MS = 200  # what a real delay may add to a learnt time, for a clock that runs faster


def radio_class(name):
    """The class of a radio: the name is the module."""
    where = "firmware.radios." + name
    try:
        module = __import__(where, None, None, ("Radio",))
    except ImportError as e:
        if name in str(e):
            raise ConfigError("radio: there is none called %r" % name)  # noqa: B904
        raise
    return module.Radio


def load(folder):
    """Read and check a gateway's folder; returns (config, works, identity). Raises ConfigError."""
    works = config.check_works(config.parse(port.read_whole(folder + "/works.json"), "works.json"))
    raw = config.parse(port.read_whole(folder + "/config.json"), "config.json")
    settings = config.check(raw, wmbus.parse_meter, works)
    data = port.read_whole(folder + "/identity.json")
    if data is None:
        raise ConfigError("identity.json: no such file (enrol this gateway first)")
    try:
        me = identity.load(data)
    except ValueError as e:
        raise ConfigError(str(e))  # noqa: B904
    if works["gateway"] != me.gateway:
        raise ConfigError("works.json is of gateway %s, identity.json of %s" % (works["gateway"], me.gateway))
    return settings, works, me


def read_json(folder, name):
    """The object in a file that the gateway wrote itself; {} if there is none or it is damaged."""
    try:
        value = json.loads(port.read_whole(folder + "/" + name) or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def follow(settings, orders):
    """Put what the works ordered in place of what the configuration says; returns the orders that hold."""
    held = {}
    for name in ("interval", "relay", "own_meters"):
        if name not in orders:
            continue
        try:
            if name == "own_meters":
                settings[name] = config.own_meters(orders[name], wmbus.parse_meter)
            elif name == "relay":
                settings[name] = config.relay_filter(orders[name], config.MAX_WINDOW)
            elif isinstance(orders[name], int):
                settings[name] = orders[name]
            held[name] = orders[name]
        except ConfigError:
            pass  # damaged: the configuration holds, and the works may order again
    return held


def open_rings(folder, settings, random_bytes, record_time):
    """The two rings (values, telegrams) of a gateway's folder, on flash or in files; `settings` is its "spool". Without
    `random_bytes` only to look at. Raises ConfigError."""
    device = None if settings["on"] == "file" else port.flash(folder, settings["on"] == "flash" and bool(random_bytes))
    if device is not None:
        from . import flash_ring
        return flash_ring.open_rings(device, random_bytes, record_time)
    if settings["on"] == "flash" and random_bytes:
        raise ConfigError("spool: there is no flash partition \"netti\" here")
    from . import spool
    return [spool.Ring(port, folder + "/spool/" + name, settings[name], random_bytes, record_time)
            for name in ("values", "telegrams")]


def make(folder, status=False, slots=None):
    """The gateway of a folder, ready to run; `slots` is the folder of the slots its firmware runs from, if it does.
    Raises ConfigError."""
    settings, works, me = load(folder)
    settings["status"] = settings["status"] or status
    if settings["simulated"]:
        port.set_scale(settings["simulated"].get("scale", 1))

    if not port.lock(folder):
        raise ConfigError("%s: a gateway is running here already" % folder)

    def save_state(state):
        port.write_whole(folder + "/state.json", json.dumps(state).encode())

    orders = follow(settings, read_json(folder, "orders.json"))
    state = restored(read_json(folder, "state.json"))
    state["boot"] += 1
    save_state(state)
    clock = Clock(port.uptime_ms, max(version.BUILT, state["floor"]),
                  LATENCY_MS * port.scale() if port.scale() > 1 else 0)
    rings = open_rings(folder, settings["spool"], port.random_bytes, clock.record_time)
    g = Gateway(port, settings, me, clock, rings, state, save_state, history.History(port, folder + "/history"))
    g.started("start")
    for ring in rings:
        for _ in ring.migrate():
            pass
    _configure(g, folder)
    g.orders = orders
    g.save_orders = lambda orders: port.write_secret(folder + "/orders.json", json.dumps(orders).encode())
    _connect(g, folder, works)
    if slots:
        _update(g, slots)
    return g


def _configure(g, folder):
    # Own meters, HAN port and radios, as far as they are configured: only then is their code loaded.
    def keeper(name):
        return lambda data: port.write_whole(folder + name, data)

    def make_own(meters):
        from .own import OwnMeters
        return OwnMeters(meters, port.aes, g.water_hour, g.count, port.read_whole(folder + "/own.json"),
                         keeper("/own.json"))

    g.make_own = make_own
    if g.config["own_meters"]:
        g.own = g.make_own(g.config["own_meters"])
    if g.config["han"]:
        from .han_port import HanPort
        g.han = HanPort(g.config["han"], g.clock, port.read_whole(folder + "/han.json"), keeper("/han.json"),
                        g.electricity_hour, g.count)
    for radio in g.config["radios"]:
        g.radios.append((radio_class(radio["radio"])(), radio["port"]))


def _connect(g, folder, works):
    # The uplink, the commands that come over it, and the enrolment file they may replace.
    firmware = g.config["firmware"] or version.VERSION
    commands = Commands(g.identity.kid, works, g.clock, g.state, g.save_state, g.values, g)
    g.uplink = Uplink(works, g.identity, (g.values, g.telegrams), g.clock, g.config["interval"],
                      lambda: (g.state["boot"], firmware, g.clock.quality), g.renewed, commands.take, g.count)
    new, old = folder + "/works.json", folder + "/works.old.json"

    def save_works(raw):
        # The new file first: a cut between the two loses only the way back.
        former = port.read_whole(new)
        port.write_whole(new, json.dumps(raw).encode())
        if port.read_whole(old) is None:
            port.write_whole(old, former)
        commands.works = config.check_works(raw)

    g.save_works = save_works
    g.uplink.on_trusted = lambda: port.remove(old)
    former = port.read_whole(old)
    if former is not None:
        try:
            g.uplink.trust(works, config.check_works(config.parse(former, "works.old.json")))
        except ConfigError:
            port.remove(old)
    commands.resume()


def _update(g, folder):
    from .fetch import Source
    from .release_keys import KEYS
    from .slots import Slots
    from .update import Update
    g.updater = Update(port, Slots(port, folder, version.VERSION), Source(port, g.uplink.works, g.clock, g.uplink.line),
                       KEYS, version.VERSION, g)


async def _run(g):
    port.on_terminate(g.stop)
    await g.run()


def main(arguments):
    """Run the gateway of the folder in the arguments; returns the exit status, RESTART to be started again."""
    folders = [a for a in arguments if not a.startswith("-")]
    slots = [a[8:] for a in arguments if a.startswith("--slots=")]  # from boot.py
    if len(folders) != 1 or len(folders) + len(slots) + ("--status" in arguments) != len(arguments):
        print("usage: firmware.main DIR [--status]")
        return 2
    try:
        g = make(folders[0].rstrip("/"), "--status" in arguments, slots[0] if slots else None)
    except ConfigError as e:
        print("gateway: %s" % e)
        return 2
    try:
        asyncio.run(_run(g))
    except KeyboardInterrupt:
        # On MicroPython, where an interrupt strikes in the middle of anything.
        g.close()
    if g.restarting:
        from .boot import RESTART
        return RESTART
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
