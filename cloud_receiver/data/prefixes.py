"""What of an address counts as one sender: told here alone, for buckets, log-ins and connections.

Who has an IPv6 address has a /64 of them, and who is behind a carrier's NAT shares a few with thousands. So a sender is
the /64 of an IPv6 address and the /24 of an IPv4 one. An IPv4 address that is written as an IPv6 one (mapped, NAT64,
6to4, Teredo) is that IPv4 address: else all of IPv4 would be one sender, or one host 65,536 of them. Addresses of this
machine (loopback) are nobody's network and count one by one.
"""

import functools
import ipaddress

IPV6, IPV4 = 64, 24  # bits of a sender's network
SITE_IPV6, SITE_IPV4 = 48, 16  # of the wider one it lies in: what one customer may be given
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_MOST_TEXT = 64  # characters of what is no address


@functools.lru_cache(maxsize=4096)
def prefix(address: str) -> str:
    """The sender that an address belongs to; any other text is one of its own."""
    return _network(address, IPV6, IPV4)


def site(address: str) -> str:
    """The wider network of an address, for sharing out what there is little of."""
    return _network(address, SITE_IPV6, SITE_IPV4)


def _network(address, ipv6, ipv4):
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])  # without the zone of a link-local one (RFC 4007)
    except ValueError:
        return address[:_MOST_TEXT]
    if ip.version == 6:
        ip = _embedded(ip) or ip
    if ip.is_loopback:
        return str(ip)
    return str(ipaddress.ip_network((ip, ipv6 if ip.version == 6 else ipv4), strict=False))


def _embedded(ip):
    """The IPv4 address that an IPv6 one stands for, or None."""
    if ip.ipv4_mapped or ip.sixtofour:
        return ip.ipv4_mapped or ip.sixtofour
    if ip.teredo:
        return ip.teredo[1]  # the client
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
