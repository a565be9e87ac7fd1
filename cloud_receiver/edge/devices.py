"""The side of a receiver that gateways reach: batches, enrolment, releases; one or several processes run it."""

import logging
import socket
import sqlite3

from aiohttp import web

from ..office import trust
from ..office.directory import Directory, Settings
from ..office.kek import Locked
from ..office.keys import KeyStore
from ..office.orders import Orders
from ..office.releases import Releases
from ..operations import metrics
from ..stores import Busy, StoreError
from .enrolment import Enrolment
from .ingest import Ingest

log = logging.getLogger("netti.receiver")

DRAIN_S = 20.0  # how long an orderly end waits for requests in progress


class Devices:
    """Gateways' requests, over a store; keys, orders and trust as they lie in the directory."""

    def __init__(self, directory: Directory, settings: Settings, clock, store, taken=None):
        """`taken()` is told after each batch that brought something new."""
        self.directory, self.settings, self.clock, self.store = directory, settings, clock, store
        self.keys = KeyStore(directory.keys)
        self.keys.unlock()
        self._revoked = self.keys.revoked()
        self._keys_stamp = self.keys.stamp()
        self._trust_stamp = trust.stamp(directory.ca)
        self.orders = Orders(self.keys, settings.works, directory.ca)
        self.releases = Releases(self.keys, directory.releases, lambda: settings.url, self.orders)
        self.ingest = Ingest(settings.works, store, clock, self.revoked, self.answer_orders, taken)
        self.enrolment = Enrolment(settings, directory.ca, store, self.keys, clock)
        self.context = trust.server_context(directory.ca)
        self._runners: "list[web.AppRunner]" = []

    def revoked(self) -> "dict[str, int]":
        """The revoked gateways, and since when."""
        return self._revoked

    def answer_orders(self, opened, taken) -> "list[bytes]":
        """What an answer asks of its gateway, after the results in the batch and the gap it may have left."""
        gateway, now = opened.gateway.gateway, self.clock.seconds()
        try:
            for counter, code, text in taken.results:
                self.orders.result(gateway, counter, code, text, now)
            if taken.rewind is not None:
                self.orders.rewind(gateway, opened.head.epoch, taken.rewind, None, now)
            self.releases.offer(gateway, opened.head.firmware, now)
            return self.orders.signed(gateway, opened.kid, now)
        except (sqlite3.Error, Locked) as e:  # the batch is durable and must be answered; orders come later
            log.error("orders not available: %s", e)
            return []

    def device_app(self) -> web.Application:
        """What gateways reach."""
        app = web.Application(middlewares=[metrics.counting])
        app.router.add_post("/v1/batches", self.ingest.post)
        app.router.add_post("/v1/gateways", self.enrolment.post)
        app.router.add_get("/v1/anchors", self.enrolment.anchors)
        app.router.add_get("/v1/releases/{version}/{name}", self.releases.get)
        return app

    async def listen(self, app: web.Application, sock: socket.socket, context=None) -> None:
        """Answer on a socket, with TLS where there is a context."""
        # Bodies are taken as they come: nothing is unpacked that its sender says is packed.
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=DRAIN_S,
                               auto_decompress=False)
        await runner.setup()
        self._runners.append(runner)
        await web.SockSite(runner, sock, ssl_context=context, backlog=1024).start()

    async def look(self) -> bool:
        """Take up what other processes decide: keys, revocations, orders, certificates; whether there was any."""
        try:
            stamp = self.keys.stamp()
            changed = stamp != self._keys_stamp
            if changed:
                self._revoked, self._keys_stamp = self.keys.revoked(), stamp
                self.orders.refresh()
                self.releases.refresh()
            trusted = trust.stamp(self.directory.ca)
            if trusted != self._trust_stamp:
                trust.load(self.context, self.directory.ca)  # for connections made from now on
                self.enrolment.load_trust()
                self.orders.load_key()
                self._trust_stamp = trusted
            return changed
        except (sqlite3.Error, StoreError, Busy, OSError, ValueError) as e:
            # Half replaced, or too much to do: it is looked at again in a second.
            log.warning("keys or certificates not readable: %s", e)
            return False

    async def drain(self) -> None:
        """Take nothing new, answer what is in progress once it is durable."""
        self.ingest.draining = True
        for runner in self._runners:
            await runner.cleanup()

    def end(self) -> None:
        """Close what was opened here."""
        self.ingest.close()
        self.keys.close()
