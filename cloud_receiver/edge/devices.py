"""The side of a receiver that gateways reach: batches, enrolment, releases; one or several processes run it."""

import logging
import socket
import sqlite3

from aiohttp import web

from firmware.wire import enrolment as wire_enrolment

from ..office import trust
from ..office.kek import Locked
from ..office.office import Office
from ..office.orders import OrderRefused
from ..stores import Busy, StoreError, TakeResult
from .connections import Connections
from .counts import Counts
from .enrolment import Enrolment
from .ingest import Ingest
from .releases import ReleaseFiles
from .servers import Servers
from .verifying import VerifiedBatch

log = logging.getLogger("netti.receiver")


class Devices:
    """Gateways' requests, over a store and an office that signs."""

    def __init__(self, office: Office, clock, store, counts: Counts, on_new_telegrams=None):
        """`on_new_telegrams()` is called after each batch that brought something new. Raises Locked, sqlite3.Error."""
        self.office, self.clock, self.store = office, clock, store
        office.meter_keys.unlock()
        self._ca = office.directory.ca
        self._trust_stamp = trust.stamp(self._ca)
        self.ingest = Ingest(office.settings.works, store, clock, office.enrolled.revoked, self.answer_orders,
                             on_new_telegrams, office.allowances.times, office.disk)
        self.enrolment = Enrolment(office, store, clock)
        self.context = trust.server_context(self._ca)
        self._counts, self._servers, self.connections = counts, Servers(), Connections()

    def answer_orders(self, batch: VerifiedBatch, result: TakeResult) -> "list[bytes]":
        """What an answer asks of its gateway, after the results in the batch and the gap it may have left."""
        gateway, now, orders = batch.gateway.gateway, self.clock.seconds(), self.office.orders
        try:
            for counter, code, text in result.results:
                orders.result(gateway, counter, code, text, now)
            if result.rewind is not None:
                orders.rewind(gateway, batch.head.epoch, result.rewind, None, now)
            self.office.releases.offer(gateway, batch.head.firmware, now)
            return orders.signed(gateway, batch.kid, now)
        except (sqlite3.Error, Locked, OrderRefused) as e:  # the batch is durable, and is answered without
            log.error("orders not available: %s", e)
            return []

    def app(self) -> web.Application:
        """What gateways reach."""
        app = web.Application(middlewares=[self._counts.middleware])
        app.router.add_post("/v1/batches", self.ingest.post)
        app.router.add_post(wire_enrolment.PATH, self.enrolment.post)
        app.router.add_get(wire_enrolment.ANCHORS_PATH, self.enrolment.anchors)
        app.router.add_get("/v1/releases/{version}/{name}", ReleaseFiles(self.office.releases).get)
        return app

    async def listen(self, sock: socket.socket) -> None:
        """Answer gateways on a socket, with TLS."""
        await self._servers.listen(self.app(), sock, self.context, self.connections)

    async def reload_if_changed(self) -> bool:
        """Take up what other processes decide: keys, revocations, orders, certificates; whether there was anything but
        certificates."""
        changed = False
        try:
            changed = self.office.reload_if_changed()
            trusted = trust.stamp(self._ca)
            if trusted != self._trust_stamp:
                trust.load(self.context, self._ca)  # for connections made from now on
                self.enrolment.load_trust()
                self.office.orders.load_key()
                self._trust_stamp = trusted
        except (sqlite3.Error, StoreError, Busy, OSError, ValueError) as e:
            # Half replaced, or too much to do: it is looked at again in a second.
            log.warning("keys or certificates not readable: %s", e)
        return changed

    async def drain(self) -> None:
        """Take nothing new, answer what is in progress once it is durable."""
        self.ingest.draining = True
        await self._servers.close()

    def close(self) -> None:
        """End what runs beside the event loop."""
        self.ingest.close()
