"""GET /v1/releases/{version}/{name}: the files of a release, for whoever asks: they need no secret (docs/wire.md)."""

from aiohttp import web

from ..office.releases import Releases


class ReleaseFiles:
    """The endpoint; the office's Releases know what is there."""

    def __init__(self, releases: Releases):
        self._releases = releases

    async def get(self, request: web.Request) -> web.StreamResponse:
        """One file of a release, for gateways."""
        path = self._releases.file(request.match_info["version"], request.match_info["name"])
        if path is None:
            return web.Response(status=404, text="no such file\n")
        return web.FileResponse(path, headers={"Content-Type": "application/octet-stream"})
