"""The sockets that one process of a receiver answers on."""

import socket
import ssl

from aiohttp import web

DRAIN_S = 20.0  # how long an orderly end waits for requests in progress


class Servers:
    """Applications on their sockets, until closed."""

    def __init__(self) -> None:
        self._runners: "list[web.AppRunner]" = []

    async def listen(self, app: web.Application, sock: socket.socket, context: "ssl.SSLContext | None" = None) -> None:
        """Answer on a socket, with TLS where there is a context."""
        # Bodies are taken as they come: nothing is unpacked that its sender says is packed.
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=DRAIN_S,
                               auto_decompress=False)
        await runner.setup()
        self._runners.append(runner)
        await web.SockSite(runner, sock, ssl_context=context, backlog=1024).start()

    async def close(self) -> None:
        """Take no new connection, answer what is in progress."""
        for runner in self._runners:
            await runner.cleanup()
