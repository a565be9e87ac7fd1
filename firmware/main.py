"""Start a gateway from its folder: `python -m firmware.main DIR`, the same under MicroPython.

    config.json   the owner's configuration      works.json   the enrolment file
    identity.json the key pair                   state.json   boot count, time floor, last command
    spool/        the two rings                  history/     the household's own hours
    han.json, own.json                           the hours that are running
"""

import asyncio
import json
import sys

from . import port

port.tidy()  # before the imports: what compiling them leaves behind would lie all over a small heap

import wmbus  # noqa: E402

from . import config, history, identity, spool, version  # noqa: E402
from .clock import Clock  # noqa: E402
from .config import ConfigError  # noqa: E402
from .gateway import Gateway, restored  # noqa: E402
from .own import OwnMeters  # noqa: E402
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
    settings = config.check(config.parse(port.read_whole(folder + "/config.json"), "config.json"), wmbus.parse_meter,
                            works)
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


def make(folder, status=False):
    """The gateway of a folder, ready to run. Raises ConfigError."""
    settings, works, me = load(folder)
    settings["status"] = settings["status"] or status
    if settings["simulated"]:
        port.set_scale(settings["simulated"].get("scale", 1))

    def save_state(state):
        port.write_whole(folder + "/state.json", json.dumps(state).encode())

    try:
        state = restored(json.loads(port.read_whole(folder + "/state.json") or b"{}"))
    except ValueError:
        state = restored(None)
    state["boot"] += 1
    save_state(state)
    clock = Clock(port.uptime_ms, max(version.BUILT, state["floor"]),
                  LATENCY_MS * port.scale() if port.scale() > 1 else 0)
    rings = [spool.Ring(port, folder + "/spool/" + name, settings["spool"][name], port.random_bytes, clock.record_time)
             for name in ("values", "telegrams")]
    g = Gateway(port, settings, me, clock, rings, state, save_state, history.History(port, folder + "/history"))
    g.started("start")
    for ring in rings:
        for _ in ring.migrate():
            pass
    if settings["own_meters"]:
        g.own = OwnMeters(settings["own_meters"], port.aes, g.water_hour, g.count,
                          port.read_whole(folder + "/own.json"),
                          lambda data: port.write_whole(folder + "/own.json", data))
    if settings["han"]:
        from .han_port import HanPort
        g.han = HanPort(settings["han"], clock, port.read_whole(folder + "/han.json"),
                        lambda data: port.write_whole(folder + "/han.json", data), g.electricity_hour, g.count)
    for radio in settings["radios"]:
        g.radios.append((radio_class(radio["radio"])(), radio["port"]))
    firmware = settings["firmware"] or version.VERSION
    g.uplink = Uplink(works, me, rings, clock, settings["interval"],
                      lambda: (state["boot"], firmware, clock.quality), g.renewed, lambda commands: None, g.count)
    return g


async def _run(g):
    port.on_terminate(g.stop)
    await g.run()


def main(arguments):
    """Run the gateway of the folder in the arguments; returns the exit status."""
    folders = [a for a in arguments if not a.startswith("-")]
    if len(folders) != 1 or any(a.startswith("-") and a != "--status" for a in arguments):
        print("usage: firmware.main DIR [--status]")
        return 2
    try:
        g = make(folders[0].rstrip("/"), "--status" in arguments)
    except ConfigError as e:
        print("gateway: %s" % e)
        return 2
    try:
        asyncio.run(_run(g))
    except KeyboardInterrupt:
        # On MicroPython, where an interrupt strikes in the middle of anything.
        g.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
