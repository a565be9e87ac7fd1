"""Who is connected: the address behind a proxy. What of an address counts as one sender: data/prefixes.py."""

from aiohttp import web


def client_address(request: web.Request, public_name: str) -> str:
    """Who asks: behind the proxy of a public name whom that names last, else whoever is connected."""
    if public_name and public_name != "localhost":
        forwarded = request.headers.getall("X-Forwarded-For", [])
        if forwarded:
            return forwarded[-1].rsplit(",", 1)[-1].strip()
    return request.remote or ""

