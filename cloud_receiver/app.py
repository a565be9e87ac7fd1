"""The wiring: pages and API, and the device endpoint where no other process has it (processes.py).

The device endpoint speaks TLS with the works' own CA and is for gateways. Pages and API are on another port, and on
loopback only, as long as there are no roles to tell who may see what.
"""

import asyncio
import ipaddress
import logging
import signal
import sqlite3

from aiohttp import web

from . import features, processes
from .data.clock import DAY, Clock
from .decoding.decoder import Decoder
from .edge.devices import Devices
from .office import roles
from .office.directory import Directory, SettingsError, unlock
from .office.office import Office
from .operations.health import Health
from .operations.metrics import Metrics
from .stores import Busy, StoreError, open_store, queries
from .web import feature
from .web.pages import Site

log = logging.getLogger("netti.receiver")

KEYS_S = 1.0  # how soon a revocation made by another process is seen
KEEPING_S = 600.0  # between looks at what has become too old


class Receiver(Devices):
    """A receiver of one directory: open, serve, close."""

    def __init__(self, directory: Directory, clock: Clock, public_name: str = "", shared=None):
        """With a public name (a proxy shows the pages under it) people have to log in. `shared`: the other processes,
        which take batches, decode and write (processes.start); without them this one does it all."""
        self.public_name, self.shared = public_name, shared
        self._lock = shared.lock if shared else directory.lock()
        settings = directory.load()
        store = open_store(settings.store_url(directory), shared.writer if shared else None)
        self.decoder = Decoder(store, directory)
        super().__init__(Office(directory, settings, signs=True), clock, store, self.decoder.wake)
        self.directory, self.settings = directory, settings
        self._tasks: "list[asyncio.Task]" = []
        self.device_port = self.web_port = self.metrics_port = 0
        installed = feature.installed(features)
        self.site = Site(self, installed)
        self.services = {f.name: feature.service(f)(self) for f in installed if f.service is not None}

    async def reconcile(self) -> None:
        """Put right what a store from a backup does not know: gateways enrolled since, gaps that nobody asked about.
        Whether it is from a backup it cannot know, so open gaps are asked about at each start."""
        known = {g["id"] for g in await self.store.read(queries.gateways.every)}
        for gateway, public_key, kind, name, since in self.office.enrolled.all():
            if gateway not in known:
                await self.store.enrol(public_key, kind, name, since)
        for gateway, epoch, first, heard in await self.store.read(queries.rings.open_gaps):
            self.office.orders.rewind(gateway, epoch, first - 1, heard, self.clock.seconds())
        await self.forget()

    async def forget(self) -> None:
        """Wipe the electricity of residents who have moved out and what is to be erased, also what came in late."""
        for gateway, at in self.office.homes.moved_in():
            await self.store.forget_home(gateway, at)
        for number, home, meters, before in self.office.erasures.due(self.clock.seconds()):
            after: "int | None" = 0
            while after is not None:
                after = await self.store.erase(home, meters, before, after)
            self.office.erasures.done(number, self.clock.seconds())

    def web_app(self) -> web.Application:
        """What people and programs of the works reach."""
        return self.site.app([(method, path, roles.OPEN, handler) for method, path, handler in Health(self).routes()])

    async def start(self, port: int, web_port: int, host: str = "", web_host: str = "127.0.0.1",
                    metrics_port: "int | None" = None) -> None:
        """Listen on both ports (0: any free one), on that of the metrics if there is one, and start decoding."""
        require_loopback(web_host)
        await self.reconcile()
        if self.shared:
            self.device_port = self.shared.port
            processes.go(self.shared)
        else:
            sock = processes.bind(host or None, port)
            self.device_port = sock.getsockname()[1]
            await self.listen(self.device_app(), sock, self.context)
        sock = processes.bind(web_host, web_port)
        self.web_port = sock.getsockname()[1]
        self.web = self.web_app()
        await self.listen(self.web, sock)
        if metrics_port is not None:
            sock = processes.bind(web_host, metrics_port)
            self.metrics_port = sock.getsockname()[1]
            await self.listen(Metrics(self).app(), sock)
        if (self.settings.port, self.settings.web_port) != (self.device_port, self.web_port):
            self.settings.port, self.settings.web_port = self.device_port, self.web_port  # tokens and links name them
            self.directory.save(self.settings)
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._keep()),
                       *(asyncio.create_task(service.run()) for service in self.services.values())]
        if not self.shared:
            self._tasks.append(asyncio.create_task(self.decoder.run()))

    async def _watch(self):
        """Take up what other processes decide."""
        while True:
            await asyncio.sleep(KEYS_S)
            if await self.look():
                try:
                    await self.forget()
                except (sqlite3.Error, StoreError, Busy) as e:
                    log.warning("not forgotten yet: %s", e)

    async def _keep(self):
        """Forget and age what has become too old, a piece at a time."""
        while True:
            try:
                await self.keep()
            except (StoreError, Busy) as e:
                log.warning("nothing is forgotten or aged: %s", e)
            await asyncio.sleep(KEEPING_S)

    async def keep(self) -> None:
        """Forget the raw telegrams and age the hourly values that the settings no longer keep."""
        await self.forget()
        now = self.clock.seconds()
        while await self.store.forget_telegrams(now - self.settings.keep_telegrams * DAY):
            pass
        while await self.store.age(now // DAY - self.settings.keep_hours):
            pass

    async def close(self) -> None:
        """Take nothing new, answer what is in progress once it is durable, end."""
        await self.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        loop = asyncio.get_running_loop()
        if self.shared:
            await loop.run_in_executor(None, processes.stop, self.shared)
        await loop.run_in_executor(None, self.store.close)
        for service in self.services.values():
            service.close()
        self.end()
        unlock(self._lock)


def require_loopback(host: str) -> None:
    """Refuse to show pages to other machines while nobody has to log in; raises SettingsError."""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise SettingsError(f"pages and API are for this machine only, there being no log-ins; {host} is not loopback")


async def serve(directory: Directory, clock: Clock, port: int, web_port: int, web_host: str = "127.0.0.1",
                host: str = "", ready=None, public_name: str = "", shared=None,
                metrics_port: "int | None" = None) -> None:
    """Serve until SIGTERM or SIGINT; `ready(receiver)` is called once both ports listen. Raises StoreError where one of
    the other processes ends by itself."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    require_loopback(web_host)
    receiver = Receiver(directory, clock, public_name, shared)
    try:
        if receiver.store.warning:
            log.warning("%s", receiver.store.warning)
        await receiver.start(port, web_port, host, web_host, metrics_port)
        if ready is not None:
            ready(receiver)
        ended: "list[asyncio.Future]" = [asyncio.ensure_future(stop.wait())]
        if shared:
            ended.append(asyncio.ensure_future(processes.gone(shared)))
        await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.cancel()
        if not stop.is_set():
            raise StoreError("a process of the receiver has ended by itself; it ends with it")
        log.info("ending: answering what is in progress")
    finally:
        await receiver.close()
