"""Who is connected: the address behind a proxy, and what of an address counts as one sender."""

import ipaddress

from aiohttp import web


def client_address(request: web.Request, public_name: str) -> str:
    """Who asks: behind the proxy of a public name whom that names last, else whoever is connected."""
    if public_name and public_name != "localhost":
        forwarded = request.headers.getall("X-Forwarded-For", [])
        if forwarded:
            return forwarded[-1].rsplit(",", 1)[-1].strip()
    return request.remote or ""


def address_bucket(address: str) -> str:
    """What of an address counts as one sender: an IPv4 address, the /64 of an IPv6 one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))
