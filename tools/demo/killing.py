"""What befalls the processes while the street runs: they are killed and started again, updated, given the late keys."""

import asyncio
import random

from ..errors import CommandError
from . import device, evidence, processes
from .plan import DOWN_S
from .setting_up import import_keys

KILL_WITHIN_S = 45
SPOOLED_WITHIN_S = 6
QUIET_S = 600  # simulated: no gateway is killed so near an hour, whose marks it would miss


async def timeline(demo) -> None:
    """Kill, cut, update and import keys, each when the plan says."""
    victim = random.Random(f"victim {demo.seed}").choice(demo.gateways[1:])
    steps = [(demo.plan.first_kill, lambda: _kill_receiver(demo, False)),
             (demo.plan.gateway_kill, lambda: _kill_gateway(demo, victim)),
             *((at, lambda: _kill_gateway(demo, demo.gateways[0])) for at in demo.plan.power_cuts),
             (demo.plan.update, lambda: _update(demo)),
             (demo.plan.second_kill, lambda: _kill_receiver(demo, True)),
             (demo.plan.late_keys, lambda: _late_keys(demo))]
    for at, step in sorted(steps, key=lambda s: s[0]):
        await demo.until(at)
        try:
            await step()
        except CommandError as e:
            demo.add_fault("died", str(e))


async def _kill_receiver(demo, answering: bool) -> None:
    cut = demo.proxy.arm(demo.receiver.kill, answering)
    try:
        up, withheld = await asyncio.wait_for(cut, KILL_WITHIN_S)
    except asyncio.TimeoutError:
        demo.add_fault("unproven", "no batch was in flight when the receiver was to be killed")
        if not demo.receiver.pid:
            await demo.receiver.serve(demo.clock.triple())
        return
    what = f"{withheld} bytes of its answer withheld" if withheld else "not answered"
    demo.display.say(f"receiver killed: a batch of {up} bytes in flight, {what}", "yellow")
    demo.killed.append(f"receiver with {up} bytes in flight, {what}")
    await asyncio.sleep(DOWN_S)
    await demo.receiver.serve(demo.clock.triple())
    demo.display.say("receiver started again", "green")


async def _kill_gateway(demo, victim: processes.Gateway) -> None:
    # Worth more with something in the spool; a busy street does not keep it waiting long.
    await processes.wait_until(lambda: bool(victim.spooled), SPOOLED_WITHIN_S)
    while not QUIET_S < demo.clock.now() % 3600 < 3600 - QUIET_S:
        await asyncio.sleep(0.1)
    spooled = victim.spooled
    await victim.kill()
    demo.display.say(f"{victim.name} killed: {spooled} records not yet acknowledged", "yellow")
    demo.killed.append(f"{victim.name} ({victim.runtime}) with {spooled} records in its spool")
    await asyncio.sleep(DOWN_S)
    await victim.start()
    demo.display.say(f"{victim.name} started again", "green")


async def _update(demo) -> None:
    """The works lets its device run the next release."""
    folder, gateway = str(demo.receiver.folder), demo.gateways[0]
    await processes.command("rollout", "add", folder, str(demo.release))
    await processes.command("rollout", "group", folder, "devices", gateway.id)
    await processes.command("rollout", "stage", folder, device.SECOND, "--group", "devices")
    demo.display.say(f"release {device.SECOND} signed and staged for {gateway.name}", "green")


async def _late_keys(demo) -> None:
    before = demo.progress.decoded if demo.progress else 0
    await import_keys(demo, "later-keys.csv", demo.later)
    demo.display.say(f"keys of the other {len(demo.later)} meters imported", "green")
    loop = asyncio.get_running_loop()
    for _ in range(40):
        await asyncio.sleep(0.25)
        now = await loop.run_in_executor(None, evidence.progress, demo.receiver.folder / "store.sqlite")
        if now and now.decoded > before and not now.waiting:
            demo.display.say(f"{now.decoded - before} telegrams decoded after their keys came", "green")
            return
