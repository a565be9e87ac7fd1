"""What the endpoints for gateways have in common: a refusal, and a body that is read no further than it may be long."""

from aiohttp import web

from firmware import wire


class Refused(Exception):
    """A request that is refused. `status`: of the answer; `reason`: its text, one line; `retry`: seconds until it may
    be tried again, or None."""

    def __init__(self, status: int, reason: str, retry: "int | None" = None):
        super().__init__(reason)
        self.status, self.reason, self.retry = status, reason, retry


async def read_body(request: web.Request, most: int = wire.MAX_BATCH) -> bytes:
    """A request's body; 413 as soon as it is seen to be longer than `most`."""
    if request.content_length is not None and request.content_length > most:
        raise Refused(413, f"more than {most} bytes")
    parts, size = [], 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > most:
            raise Refused(413, f"more than {most} bytes")
        parts.append(part)
    return b"".join(parts)
