"""/healthz: the process answers. /readyz: it can do its work: write durably, read meter keys, has room on the disk.

Nothing of the data is shown, and nobody has to log in; a check that fails is named, no more.
"""

import asyncio
import time

from aiohttp import web

WITHIN_S = 5.0  # a store that takes longer to write is not ready
AGAIN_S = 5.0  # answers in between are those of the last look: asking costs no commit


class Health:
    """The two routes of a receiver."""

    def __init__(self, receiver):
        self.receiver = receiver
        self._checked_at, self._results = -AGAIN_S, {}
        self._one = asyncio.Lock()

    def routes(self):
        """(method, path, handler) of its routes."""
        return [("GET", "/healthz", self.healthz), ("GET", "/readyz", self.readyz)]

    async def healthz(self, request: web.Request) -> web.Response:
        """The process answers."""
        return web.json_response({"status": "ok"})

    async def readyz(self, request: web.Request) -> web.Response:
        """200 where every check holds, else 503."""
        async with self._one:
            if time.monotonic() - self._checked_at >= AGAIN_S:
                self._results, self._checked_at = await self.checks(), time.monotonic()
        checks = dict(self._results, serving=not self.receiver.devices.ingest.draining)
        ready = all(checks.values())
        return web.json_response({"status": "ok" if ready else "not ready",
                                  "checks": {k: "ok" if v else "failed" for k, v in checks.items()}},
                                 status=200 if ready else 503)

    async def checks(self) -> "dict[str, bool]":
        """What holds now."""
        try:
            async with asyncio.timeout(WITHIN_S):
                await self.receiver.store.write_mark("ready", self.receiver.clock.seconds())
            written = True
        except Exception:  # noqa: BLE001 - whatever it is, it is not ready
            written = False
        return {"store": written, "keys": keys_open(self.receiver.office.meter_keys),
                "disk": not self.receiver.office.disk.nearly_full()}


def keys_open(keys) -> bool:
    """Whether meter keys can be read."""
    try:
        keys.unlock()
        return True
    except Exception:  # noqa: BLE001 - locked or not readable
        return False
