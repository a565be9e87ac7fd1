"""The wiring: one process with two listeners.

The device endpoint speaks TLS with the works' own CA and is for gateways. Pages and API are on another port, and on
loopback only, as long as there are no roles to tell who may see what.
"""

import asyncio
import ipaddress
import logging
import signal
import socket
import sqlite3

from aiohttp import web

from . import settings as settings_module
from . import trust
from .accounts import Accounts
from .api import Api
from .attention import silent_gateway
from .clock import Clock
from .commands import Commands
from .decode import Decoder
from .enrol import Enrolment
from .ingest import Ingest
from .keys import KeyStore
from .releases import Releases
from .settings import Directory, SettingsError
from .stores import Busy, StoreError, open_store, queries

log = logging.getLogger("netti.receiver")

DRAIN_S = 20.0  # how long an orderly end waits for requests in progress
KEYS_S = 1.0  # how soon a revocation made by another process is seen
WAL_RESET_FIXED = (3, 51, 3)


class Receiver:
    """A receiver of one directory: open, serve, close."""

    def __init__(self, directory: Directory, clock: Clock, public_name: str = ""):
        """With a public name (a proxy shows the pages under it) people have to log in."""
        self.directory, self.clock, self.public_name = directory, clock, public_name
        self.settings = directory.load()
        self._lock = directory.lock()
        self.store = open_store(f"sqlite://{directory.store}")
        self.keys = KeyStore(directory.keys)
        self.accounts = Accounts(directory.access, self.keys)
        self._revoked = self.keys.revoked()
        self._keys_stamp = self.keys.stamp()
        self._trust_stamp = trust.stamp(directory.ca)
        self.decoder = Decoder(self.store, directory.keys)
        self.commands = Commands(self.keys, self.settings.works, directory.ca)
        self.releases = Releases(self.keys, directory.path / "releases", lambda: self.settings.url,
                                 self.commands)
        self.ingest = Ingest(self.settings.works, self.store, clock, self.revoked, self.answer_commands,
                             self.decoder.wake)
        self.enrolment = Enrolment(self.settings, directory.ca, self.store, self.keys, clock)
        self.api = Api(self.store, clock, self.revoked, self.commands.of, self.accounts)
        self._runners: "list[web.AppRunner]" = []
        self._tasks: "list[asyncio.Task]" = []
        self.device_port = self.web_port = 0

    def revoked(self) -> "dict[str, int]":
        """The revoked gateways, and since when."""
        return self._revoked

    def silent_gateway(self, g) -> bool:
        """Whether a gateway (a row of queries.gateways) has been out of contact for too long."""
        return silent_gateway(g, self.clock.seconds())

    def answer_commands(self, opened, taken) -> "list[bytes]":
        """What an answer asks of its gateway, after the results in the batch and the gap it may have left."""
        gateway, now = opened.gateway.gateway, self.clock.seconds()
        try:
            for counter, code, text in taken.results:
                self.commands.result(gateway, counter, code, text, now)
            if taken.rewind is not None:
                self.commands.rewind(gateway, opened.head.epoch, taken.rewind, now, now)
            self.releases.offer(gateway, opened.head.firmware, now)
            return self.commands.signed(gateway, opened.kid, now)
        except sqlite3.Error as e:  # the batch is durable and must be answered; commands come with a later one
            log.error("commands not available: %s", e)
            return []

    async def reconcile(self) -> None:
        """Put right what a store from a backup does not know: gateways enrolled since, gaps that nobody asked about."""
        known = {g["id"] for g in await self.store.read(queries.gateways)}
        for gateway, public_key, kind, name, since in self.keys.enrolled():
            if gateway not in known:
                await self.store.enrol(public_key, kind, name, since)
        for gateway, epoch, first, since in await self.store.read(queries.open_gaps):
            self.commands.rewind(gateway, epoch, first - 1, since, self.clock.seconds())
        await self.forget()

    async def forget(self) -> None:
        """Wipe the electricity of residents who have moved out, also what came in late."""
        for gateway, at in self.keys.moved_in():
            await self.store.forget_home(gateway, at)

    def device_app(self) -> web.Application:
        """What gateways reach."""
        app = web.Application()
        app.router.add_post("/v1/batches", self.ingest.post)
        app.router.add_post("/v1/gateways", self.enrolment.post)
        app.router.add_get("/v1/anchors", self.enrolment.anchors)
        app.router.add_get("/v1/releases/{version}/{name}", self.releases.get)
        return app

    def web_app(self) -> web.Application:
        """What people and programs of the works reach."""
        from .pages import Pages
        app = web.Application()
        app.router.add_routes(self.api.routes())
        Pages(self).add_to(app)
        return app

    async def start(self, port: int, web_port: int, host: str = "", web_host: str = "127.0.0.1") -> None:
        """Listen on both ports (0: any free one) and start decoding."""
        require_loopback(web_host)
        await self.reconcile()
        self._context = trust.server_context(self.directory.ca)
        self.device_port = await self._listen(self.device_app(), host or None, port, self._context)
        self.web_port = await self._listen(self.web_app(), web_host, web_port, None)
        if (self.settings.port, self.settings.web_port) != (self.device_port, self.web_port):
            self.settings.port, self.settings.web_port = self.device_port, self.web_port  # tokens and links name them
            self.directory.save(self.settings)
        self._tasks = [asyncio.create_task(self.decoder.run()), asyncio.create_task(self._watch())]

    async def _listen(self, app, host, port, context):
        # Bodies are taken as they come: nothing is unpacked that its sender says is packed.
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=DRAIN_S,
                               auto_decompress=False)
        await runner.setup()
        self._runners.append(runner)
        sock = bind(host, port)
        await web.SockSite(runner, sock, ssl_context=context, backlog=1024).start()
        return sock.getsockname()[1]

    async def _watch(self):
        """Take up what other processes decide: keys, revocations, commands, certificates."""
        while True:
            await asyncio.sleep(KEYS_S)
            try:
                stamp = self.keys.stamp()
                if stamp != self._keys_stamp:
                    self._revoked, self._keys_stamp = self.keys.revoked(), stamp
                    self.commands.refresh()
                    self.releases.refresh()
                    await self.forget()
                trusted = trust.stamp(self.directory.ca)
                if trusted != self._trust_stamp:
                    trust.load(self._context, self.directory.ca)  # for connections made from now on
                    self.enrolment.load_trust()
                    self.commands.load_key()
                    self._trust_stamp = trusted
            except (sqlite3.Error, StoreError, Busy, OSError, ValueError) as e:
                # Half replaced, or too much to do: it is looked at again in a second.
                log.warning("keys or certificates not readable: %s", e)

    async def close(self) -> None:
        """Take nothing new, answer what is in progress once it is durable, end."""
        self.ingest.draining = True
        for runner in self._runners:
            await runner.cleanup()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(None, self.store.close)
        self.ingest.close()
        self.accounts.close()
        self.keys.close()
        settings_module.unlock(self._lock)


def bind(host: "str | None", port: int) -> socket.socket:
    """A listening socket; raises SettingsError where the port is taken. No host: all addresses, IPv6 and IPv4."""
    try:
        if host is None:
            if socket.has_dualstack_ipv6():
                try:
                    return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
                except OSError as e:
                    if "ddress already in use" in str(e):
                        raise
            return socket.create_server(("0.0.0.0", port))
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as e:
        raise SettingsError(f"cannot listen on port {port}: {e.strerror or e}") from None


def require_loopback(host: str) -> None:
    """Refuse to show pages to other machines while nobody has to log in; raises SettingsError."""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise SettingsError(f"pages and API are for this machine only, there being no log-ins; {host} is not loopback")


async def serve(directory: Directory, clock: Clock, port: int, web_port: int, web_host: str = "127.0.0.1",
                host: str = "", ready=None, public_name: str = "") -> None:
    """Serve until SIGTERM or SIGINT; `ready(receiver)` is called once both ports listen."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    require_loopback(web_host)
    receiver = Receiver(directory, clock, public_name)
    try:
        if sqlite3.sqlite_version_info < WAL_RESET_FIXED:
            log.info("SQLite %s has the WAL-reset bug; one connection alone writes and checkpoints, which avoids it",
                     sqlite3.sqlite_version)
        await receiver.start(port, web_port, host, web_host)
        if ready is not None:
            ready(receiver)
        await stop.wait()
        log.info("ending: answering what is in progress")
    finally:
        await receiver.close()
