"""The sockets that one process of a receiver answers on."""

import socket
import ssl

from aiohttp import web

from .connections import IDLE_S, Connections, Site

DRAIN_S = 20.0  # how long an orderly end waits for requests in progress
BACKLOG = 1024


class Servers:
    """Applications on their sockets, until closed."""

    def __init__(self) -> None:
        self._runners: "list[web.AppRunner]" = []

    async def listen(self, app: web.Application, sock: socket.socket, context: "ssl.SSLContext | None" = None,
                     connections: "Connections | None" = None) -> None:
        """Answer on a socket, with TLS where there is a context. `connections`: how they are bounded; none given: those
        of programs on this machine, such as a proxy."""
        connections = Connections(by_sender=False) if connections is None else connections
        app.middlewares.insert(0, connections.watch)
        # Bodies are taken as they come: nothing is unpacked that its sender says is packed.
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=DRAIN_S,
                               auto_decompress=False, keepalive_timeout=IDLE_S)
        await runner.setup()
        self._runners.append(runner)
        await Site(runner, sock, connections, context, BACKLOG).start()

    async def close(self) -> None:
        """Take no new connection, answer what is in progress."""
        for runner in self._runners:
            await runner.cleanup()
