"""HTTP/1.1 for the uplink: one request at a time over one kept-alive connection, everything bounded (RFC 9112).

Redirects are not followed and nothing is decompressed: the receiver is one known server.
"""

MAX_LINE = 1024
MAX_HEADERS = 64
MAX_BODY = 64 * 1024


class HttpError(ValueError):
    """The other end does not speak HTTP as it should, or says more than is bearable."""


async def _line(stream):
    line = await stream.readline()
    if not line.endswith(b"\n"):
        raise HttpError("connection ended" if len(line) < MAX_LINE else "line too long")
    if len(line) > MAX_LINE:
        raise HttpError("line too long")
    return line.strip()


async def _exactly(stream, n):
    try:
        return await stream.readexactly(n) if n else b""
    except EOFError:
        raise HttpError("connection ended")  # noqa: B904 - MicroPython keeps no cause


async def _chunked(stream):
    body = b""
    while True:
        size = (await _line(stream)).split(b";")[0].strip()
        try:
            n = int(size, 16)
        except ValueError:
            raise HttpError("bad chunk")  # noqa: B904
        if n < 0 or len(body) + n > MAX_BODY:
            raise HttpError("answer too long")
        if n == 0:
            for _ in range(MAX_HEADERS):
                if not await _line(stream):
                    return body
            raise HttpError("too many trailers")
        body += await _exactly(stream, n)
        if await _line(stream):
            raise HttpError("bad chunk")


async def read_start(stream):
    """Read an answer up to its body; returns (status, headers with lower-case names, whether the connection goes on
    behind the body)."""
    for _ in range(4):
        first = (await _line(stream)).split(None, 2)
        if len(first) < 2 or not first[0].startswith(b"HTTP/1.") or len(first[1]) != 3 or not first[1].isdigit():
            raise HttpError("not an HTTP answer")
        status = int(first[1])
        headers = {}
        for _ in range(MAX_HEADERS):
            line = await _line(stream)
            if not line:
                break
            name, colon, value = line.partition(b":")
            if not colon:
                raise HttpError("bad header")
            headers[name.strip().lower().decode()] = value.strip().decode()
        else:
            raise HttpError("too many headers")
        if status >= 200:
            break
    else:
        raise HttpError("no end of interim answers")
    return status, headers, first[0] == b"HTTP/1.1" and headers.get("connection", "").lower() != "close"


async def read_answer(stream):
    """Read one answer; returns (status, headers with lower-case names, body, whether the connection goes on)."""
    status, headers, goes_on = await read_start(stream)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return status, headers, await _chunked(stream), goes_on
    if status == 204 or status == 304:
        return status, headers, b"", goes_on
    length = headers.get("content-length")
    if length is None:
        body = b""
        while True:
            more = await stream.read(1024)
            if not more:
                return status, headers, body, False
            body += more
            if len(body) > MAX_BODY:
                raise HttpError("answer too long")
    if not length.isdigit() or len(length) > 9 or int(length) > MAX_BODY:
        raise HttpError("answer too long")
    return status, headers, await _exactly(stream, int(length)), goes_on


def request_head(method, host, port, path, length=None, content_type=None, accept=None):
    """The bytes of a request up to its body."""
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: %s" % (host if port == 443 else "%s:%d" % (host, port))]
    if length is not None:
        lines.append("Content-Length: %d" % length)
        lines.append("Content-Type: " + content_type)
    if accept:
        lines.append("Accept: " + accept)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
