"""Prometheus metrics of a receiver, on a port of their own for the machine that watches it.

Counts only: no meter, gateway, home or address is a label. What processes count stands in memory they share
(edge/counts.py); the rest is asked of the store when somebody looks.
"""

import shutil

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.core import CollectorRegistry, CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest

from ..stores import Busy, StoreError, queries
from . import health


class Metrics:
    """/metrics of a receiver."""

    def __init__(self, receiver):
        self.receiver = receiver

    def app(self) -> web.Application:
        """What listens on the metrics' port."""
        app = web.Application()
        app.router.add_get("/metrics", self.get)
        return app

    async def get(self, request: web.Request) -> web.Response:
        """All of it, as Prometheus reads it."""
        families = await self.families()
        registry = CollectorRegistry()
        registry.register(_Given(families))
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def families(self) -> list:
        """The metric families now; without those of the store where it does not answer."""
        receiver, now = self.receiver, self.receiver.clock.seconds()
        by_status, seconds = receiver.counts.read()
        answered = CounterMetricFamily("netti_batches", "Batches by the status they were answered with",
                                       labels=["status"])
        for status, count in by_status.items():
            answered.add_metric([status], count)
        disk = shutil.disk_usage(receiver.directory.path)
        families = [
            answered,
            CounterMetricFamily("netti_batch_answer_seconds", "Seconds spent on answering batches", value=seconds),
            gauge("netti_store_queue", "Jobs that wait for the store's writer", receiver.store.waiting),
            gauge("netti_keys_open", "1 where meter keys can be read",
                  int(health.keys_open(receiver.office.meter_keys))),
            gauge("netti_disk_free_bytes", "Room on the receiver's disk", disk.free),
            gauge("netti_disk_bytes", "Size of the receiver's disk", disk.total),
            gauge("netti_gateways_revoked", "Revoked gateways", len(receiver.office.enrolled.revoked())),
            *(gauge(name, text, value) for service in receiver.services.values()
              for name, (text, value) in service.gauges().items()),
        ]
        done = backed_up(receiver.directory)
        if done is not None:
            families.append(gauge("netti_backup_age_seconds", "Since the last backup of the readings",
                                  max(0, now - done)))
        try:
            counts = await receiver.store.read(queries.summary.counts, now)
        except (StoreError, Busy, OSError):
            return [*families, gauge("netti_store_up", "1 where the store answers", 0)]
        meters = GaugeMetricFamily("netti_meters", "Meters by what is known of them", labels=["what"])
        for what in ("meters", "heard", "encrypted", "keyed", "missing", "wrong", "unsealed", "alarmed"):
            meters.add_metric(["all" if what == "meters" else what], counts[what])
        return [*families, meters, gauge("netti_store_up", "1 where the store answers", 1),
                gauge("netti_gateways", "Enrolled gateways", counts["gateways"]),
                gauge("netti_gateways_in_contact", "Gateways heard from in the last hour", counts["in_contact"]),
                gauge("netti_telegrams_waiting", "Telegrams not decoded yet", counts["pending"]),
                gauge("netti_telegrams_closed", "Telegrams kept that could not be decoded", counts["closed"])]


class _Given:
    """A collector of families made beforehand."""

    def __init__(self, families):
        self._families = families

    def collect(self):
        """The families."""
        return self._families

    def describe(self):
        """Nothing beforehand."""
        return []


def gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    """A gauge without labels."""
    return GaugeMetricFamily(name, text, value=value)


def backed_up(directory) -> "int | None":
    """When the last backup of the readings was made, Unix seconds."""
    try:
        return int(directory.backup_stamp.read_text())
    except (OSError, ValueError):
        return None
