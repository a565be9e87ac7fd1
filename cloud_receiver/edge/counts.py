"""What is counted of the answers to batches, over all processes of a receiver: for its metrics."""

import multiprocessing
import time

from aiohttp import web

STATUSES = (200, 400, 401, 403, 408, 409, 413, 429, 500, 503)
_SECONDS, _OTHER = len(STATUSES), len(STATUSES) + 1


class Counts:
    """Batches by status and the seconds their answers took, in memory shared by the processes forked after it was
    made."""

    def __init__(self) -> None:
        self._shared = multiprocessing.Array("d", len(STATUSES) + 2)
        # What the lock guards, without taking it for each value.
        self._values: "list[float]" = self._shared.get_obj()  # type: ignore[assignment]

    def add(self, status: int, seconds: float) -> None:
        """Count an answer."""
        with self._shared.get_lock():
            self._values[STATUSES.index(status) if status in STATUSES else _OTHER] += 1
            self._values[_SECONDS] += seconds

    def read(self) -> "tuple[dict[str, float], float]":
        """({status: batches}, seconds)."""
        with self._shared.get_lock():
            values = self._values[:]
        by_status = {str(s): values[n] for n, s in enumerate(STATUSES)}
        return {**by_status, "other": values[_OTHER]}, values[_SECONDS]

    @web.middleware
    async def middleware(self, request: web.Request, handler):
        """Counts what is answered to batches."""
        if request.path != "/v1/batches":
            return await handler(request)
        began, status = time.monotonic(), 500
        try:
            response = await handler(request)
            status = response.status
            return response
        except web.HTTPException as e:
            status = e.status
            raise
        finally:
            self.add(status, time.monotonic() - began)
