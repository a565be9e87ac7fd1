"""How long something may be waited for, of which there is a thousand a second: one timer for all of it."""

import asyncio

LOOK_S = 1.0  # how late it may be noticed


class Deadline:
    """Waits that all may last as long; used by one event loop. (asyncio.timeout makes a timer for each.)"""

    def __init__(self, seconds: float):
        self.seconds = seconds
        self._waiting: "dict[asyncio.Future, float]" = {}  # until when; the next to end comes first
        self._timer: "asyncio.TimerHandle | None" = None

    def __len__(self) -> int:
        """How many are waited for."""
        return len(self._waiting)

    async def wait(self, awaitable):
        """Its result; TimeoutError where it takes longer (then it is cancelled, at most LOOK_S late)."""
        loop, future = asyncio.get_running_loop(), asyncio.ensure_future(awaitable)
        self._waiting[future] = loop.time() + self.seconds
        if self._timer is None:
            self._timer = loop.call_later(min(LOOK_S, self.seconds), self._look, loop)
        try:
            return await future
        except asyncio.CancelledError:
            if future in self._waiting:  # whoever waits was cancelled
                raise
            raise TimeoutError from None
        finally:
            self._waiting.pop(future, None)

    def _look(self, loop):
        now = loop.time()
        for future in [f for f, until in self._waiting.items() if until <= now]:
            del self._waiting[future]
            future.cancel()
        self._timer = loop.call_later(min(LOOK_S, self.seconds), self._look, loop) if self._waiting else None
