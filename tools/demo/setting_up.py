"""What comes before the street's time begins: a receiver, gateways enrolled at it, keys, releases; then all starts."""

import asyncio
import json
import random
import time

from ..errors import CommandError
from ..simulate.clock import SimulatedClock
from ..simulate.files import gateway_config, keys_csv
from . import device, processes

START_S = 1.5  # real seconds from the start of the processes to the start of the street's time
CONNECT_S = 20


async def set_up(demo) -> None:
    """From an empty folder to three enrolled gateways, a stopped receiver with half of the keys, and two releases."""
    say = demo.display.say
    await demo.server.listen()
    await demo.proxy.start()
    say(f"seed {demo.seed}: {len(demo.street.water_meters())} water meters, three gateways, one receiver")
    await processes.command("receiver", "init", str(demo.receiver.folder), "--works", "demo", "--name",
                            "Demo Water Works", "--host", "localhost", "--port", str(demo.receiver.port))
    await demo.receiver.serve(SimulatedClock(time.time(), demo.plan.start - 60, 1).triple())
    demo.gateways[0].folder.parent.mkdir()
    building = asyncio.get_running_loop().run_in_executor(None, device.make, demo.gateways[0].folder.parent,
                                                          demo.release)
    tokens = (await processes.command("receiver", "token", str(demo.receiver.folder), "-n",
                                      str(len(demo.gateways)))).split()
    await asyncio.gather(*(_enrol(demo, g, token) for g, token in zip(demo.gateways, tokens)))
    await building
    await demo.receiver.stop()
    shuffled = [m for m in demo.street.water_meters() if m.key]
    random.Random(f"keys {demo.seed}").shuffle(shuffled)
    half = len(shuffled) // 2
    demo.later = shuffled[half:]
    await import_keys(demo, "first-keys.csv", shuffled[:half])
    say(f"three gateways enrolled; keys of {half} meters imported, those of {len(demo.later)} come later")


async def _enrol(demo, gateway: processes.Gateway, token: str) -> None:
    folder, site = gateway.folder, gateway.site
    await processes.command("gateway", "enrol", token, "--dir", str(folder), "--kind", site.kind,
                            "--name", site.name)
    radios = [demo.server.url(demo.server.radios[site.name, r]) for r in range(len(site.radios))]
    han = demo.server.url(demo.server.han[site.name]) if site.han else None
    config = gateway_config(demo.street, site, radios, han, demo.plan.scale, gateway.opted_in)
    config.update(interval=demo.plan.interval, relay={"window": demo.plan.window, "media": [6, 7, 21, 22]})
    if gateway.runtime == "micropython":
        config["spool"] = "flash"
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="ascii")
    # The gateways reach the receiver through the proxy; the certificate is for the name, which stays. Only the one
    # that is updated goes straight there: it fetches from nowhere but where it is enrolled.
    works = json.loads((folder / "works.json").read_text())
    if gateway.runtime != "micropython":
        works["url"] = f"https://localhost:{demo.proxy.port}"
    (folder / "works.json").write_text(json.dumps(works), encoding="ascii")
    gateway.id = works["gateway"]


async def import_keys(demo, name: str, meters) -> None:
    """Give the receiver the keys of some meters; the file with them is removed."""
    path = demo.folder / name
    path.write_text(keys_csv(meters), encoding="ascii")
    await processes.command("keys", "import", str(path), "--dir", str(demo.receiver.folder))
    path.unlink()


async def start(demo) -> None:
    """All processes up and connected, and the street's time begins."""
    demo.clock.origin = time.time() + START_S
    demo.running = True
    await asyncio.gather(demo.receiver.serve(demo.clock.triple()), *(g.start() for g in demo.gateways))
    ports = [*((site.name, demo.server.radios[site.name, r]) for site in demo.street.sites
               for r in range(len(site.radios))),
             *((g.name, demo.server.han[g.name]) for g in demo.gateways if g.site.han)]
    until = time.time() + CONNECT_S
    while not all(port.connected for _, port in ports):
        if time.time() > until:
            silent = sorted({name for name, port in ports if not port.connected})
            tails = "\n".join(g.log_tail() for g in demo.gateways if g.name in silent)
            raise CommandError(f"not connected to the street: {', '.join(silent)}\n{tails}")
        await asyncio.sleep(0.05)
