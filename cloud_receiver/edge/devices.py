"""The side of a receiver that gateways reach: batches, enrolment, releases; one or several processes run it."""

import logging
import socket
import sqlite3

from aiohttp import web

from ..office import trust
from ..office.kek import Locked
from ..office.office import Office
from ..office.orders import OrderRefused
from ..operations import metrics
from ..stores import Busy, StoreError
from .enrolment import Enrolment
from .ingest import Ingest

log = logging.getLogger("netti.receiver")

DRAIN_S = 20.0  # how long an orderly end waits for requests in progress


class Devices:
    """Gateways' requests, over a store and an office that signs."""

    def __init__(self, office: Office, clock, store, taken=None):
        """`taken()` is told after each batch that brought something new. Raises Locked, sqlite3.Error."""
        self.office, self.clock, self.store = office, clock, store
        office.meter_keys.unlock()
        self._ca = office.directory.ca
        self._trust_stamp = trust.stamp(self._ca)
        self.ingest = Ingest(office.settings.works, store, clock, office.enrolled.revoked, self.answer_orders, taken)
        self.enrolment = Enrolment(office, store, clock)
        self.context = trust.server_context(self._ca)
        self._runners: "list[web.AppRunner]" = []

    def answer_orders(self, opened, taken) -> "list[bytes]":
        """What an answer asks of its gateway, after the results in the batch and the gap it may have left."""
        gateway, now, orders = opened.gateway.gateway, self.clock.seconds(), self.office.orders
        try:
            for counter, code, text in taken.results:
                orders.result(gateway, counter, code, text, now)
            if taken.rewind is not None:
                orders.rewind(gateway, opened.head.epoch, taken.rewind, None, now)
            self.office.releases.offer(gateway, opened.head.firmware, now)
            return orders.signed(gateway, opened.kid, now)
        except (sqlite3.Error, Locked, OrderRefused) as e:  # the batch is durable, and is answered without
            log.error("orders not available: %s", e)
            return []

    def device_app(self) -> web.Application:
        """What gateways reach."""
        app = web.Application(middlewares=[metrics.counting])
        app.router.add_post("/v1/batches", self.ingest.post)
        app.router.add_post("/v1/gateways", self.enrolment.post)
        app.router.add_get("/v1/anchors", self.enrolment.anchors)
        app.router.add_get("/v1/releases/{version}/{name}", self.office.releases.get)
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
            changed = self.office.reload_if_changed()
            trusted = trust.stamp(self._ca)
            if trusted != self._trust_stamp:
                trust.load(self.context, self._ca)  # for connections made from now on
                self.enrolment.load_trust()
                self.office.orders.load_key()
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
