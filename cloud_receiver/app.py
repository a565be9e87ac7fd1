"""The wiring: pages and API, and the device endpoint where no other process has it (processes.py).

The device endpoint speaks TLS with the works' own CA and is for gateways. Pages and API are on another port, and on
loopback only, as long as there are no roles to tell who may see what.
"""

import asyncio
import ipaddress
import logging
import signal

from aiohttp import web

from . import features, processes
from .data.clock import Clock
from .decoding.decoder import Decoder
from .edge.counts import Counts
from .edge.devices import Devices
from .edge.servers import Servers
from .office import roles
from .office.directory import Directory, SettingsError, unlock
from .office.office import Office
from .operations.health import Health
from .operations.keeping import Keeping
from .operations.metrics import Metrics
from .stores import StoreError, open_store
from .web import feature
from .web.pages import Site

log = logging.getLogger("netti.receiver")

KEYS_S = 1.0  # how soon a revocation made by another process is seen


class Receiver:
    """A receiver of one directory: open, serve, close."""

    def __init__(self, directory: Directory, clock: Clock, public_name: str = "",
                 workers: "processes.Workers | None" = None):
        """With a public name (a proxy shows the pages under it) people have to log in. `workers`: the other processes,
        which take batches, decode and write; without them this one does it all. Raises SettingsError, StoreError."""
        self.directory, self.clock, self.public_name, self.workers = directory, clock, public_name, workers
        self._lock = workers.lock if workers else directory.lock()
        self.settings = directory.load()
        self.counts = workers.counts if workers else Counts()
        self.store = open_store(self.settings.store_url(directory), workers.writer if workers else None)
        self.decoder = Decoder(self.store, directory)
        self.office = Office(directory, self.settings, signs=True)
        self.devices = Devices(self.office, clock, self.store, self.counts, self.decoder.wake)
        self.keeping = Keeping(self.office, self.store, clock)
        self._servers = Servers()
        self._tasks: "list[asyncio.Task]" = []
        self.device_port = self.web_port = self.metrics_port = 0
        installed = feature.installed(features)
        self.site = Site(self, installed)
        self.services = {f.name: feature.service(f)(self) for f in installed if f.service is not None}

    def web_app(self) -> web.Application:
        """What people and programs of the works reach."""
        return self.site.app([(method, path, roles.OPEN, handler) for method, path, handler in Health(self).routes()])

    async def start(self, port: int, web_port: int, host: str = "", web_host: str = "127.0.0.1",
                    metrics_port: "int | None" = None) -> None:
        """Listen on both ports (0: any free one), on that of the metrics if there is one, and start decoding."""
        require_loopback(web_host)
        await self.keeping.reconcile()
        if self.workers:
            self.device_port = self.workers.port
            processes.start_serving(self.workers)
        else:
            sock = processes.bind(host or None, port)
            self.device_port = sock.getsockname()[1]
            await self.devices.listen(sock)
        sock = processes.bind(web_host, web_port)
        self.web_port = sock.getsockname()[1]
        self.web = self.web_app()
        await self._servers.listen(self.web, sock)
        if metrics_port is not None:
            sock = processes.bind(web_host, metrics_port)
            self.metrics_port = sock.getsockname()[1]
            await self._servers.listen(Metrics(self).app(), sock)
        if (self.settings.port, self.settings.web_port) != (self.device_port, self.web_port):
            self.settings.port, self.settings.web_port = self.device_port, self.web_port  # tokens and links name them
            self.directory.save(self.settings)
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self.keeping.run()),
                       *(asyncio.create_task(service.run()) for service in self.services.values())]
        if not self.workers:
            self._tasks.append(asyncio.create_task(self.decoder.run()))

    async def _watch(self):
        """Take up what other processes decide."""
        while True:
            await asyncio.sleep(KEYS_S)
            if await self.devices.reload_if_changed():
                await self.keeping.forget_decided()

    async def close(self) -> None:
        """Take nothing new, answer what is in progress once it is durable, end."""
        await self.devices.drain()
        await self._servers.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        loop = asyncio.get_running_loop()
        if self.workers:
            await loop.run_in_executor(None, processes.stop, self.workers)
        await loop.run_in_executor(None, self.store.close)
        for service in self.services.values():
            service.close()
        self.devices.close()
        self.office.close()
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
                host: str = "", ready=None, public_name: str = "",
                workers: "processes.Workers | None" = None, metrics_port: "int | None" = None) -> None:
    """Serve until SIGTERM or SIGINT; `ready(receiver)` is called once both ports listen. Raises StoreError where one of
    the other processes ends by itself."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    require_loopback(web_host)
    receiver = Receiver(directory, clock, public_name, workers)
    try:
        if receiver.store.warning:
            log.warning("%s", receiver.store.warning)
        await receiver.start(port, web_port, host, web_host, metrics_port)
        if ready is not None:
            ready(receiver)
        ended: "list[asyncio.Future]" = [asyncio.ensure_future(stop.wait())]
        if workers:
            ended.append(asyncio.ensure_future(processes.any_exited(workers)))
        await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.cancel()
        if not stop.is_set():
            raise StoreError("a process of the receiver has ended by itself; it ends with it")
        log.info("ending: answering what is in progress")
    finally:
        await receiver.close()
