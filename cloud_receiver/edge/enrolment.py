"""Enrolment: POST /v1/gateways takes a one-time token and a gateway's key, and answers with the enrolment file.

The token proves that the works wants this gateway, the signature that it holds the key its id is made from. GET
/v1/anchors is read before anything is trusted: the token carries the fingerprint of the first anchor. Failures are
counted by sender, and what fails is told so after too many; who has a token is enrolled whatever else came from there.
"""

import sqlite3
from typing import Annotated, Literal

import msgspec
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from firmware.wire import enrolment, envelope

from ..data import buckets
from ..data.prefixes import prefix
from ..office import trust
from ..office.json_files import plain_error
from ..office.office import Office
from ..stores import Busy, StoreError
from .connections import proved
from .requests import Refused, read_body

# Ed25519 (RFC 8032): the field's prime, and y of the points whose order divides 8.
_P = 2 ** 255 - 19
_SMALL = (0, 1, 0x5FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
          0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7, _P - 1)


def good_key(public_key: bytes) -> bool:
    """Whether 32 bytes are an encoding that a gateway's key may have: the point's only one, and not of small order.
    Under a key of small order one signature fits many batches."""
    y = int.from_bytes(public_key, "little") & (1 << 255) - 1
    return y < _P and y not in _SMALL


class Request(msgspec.Struct):
    """What a gateway posts to enrol; what else there is in it is a newer gateway's."""

    token: Annotated[str, msgspec.Meta(max_length=enrolment.MAX_SECRET)]
    public_key: Annotated[str, msgspec.Meta(pattern="^[0-9A-Fa-f]{64}$")]  # Ed25519
    signature: Annotated[str, msgspec.Meta(pattern="^[0-9A-Fa-f]{128}$")]  # over enrolment.to_sign
    kind: Literal[enrolment.KINDS] = "home"  # type: ignore[valid-type]
    name: Annotated[str, msgspec.Meta(max_length=enrolment.MAX_NAME)] = ""


class Enrolment:
    """The enrolment endpoint of one works; its office is of the event loop's thread."""

    def __init__(self, office: Office, store, clock):
        self.settings, self.store, self.clock = office.settings, store, clock
        self._enrolled, self._folder = office.enrolled, office.directory.ca
        self.load_trust()
        self.by_address = buckets.Buckets(rate=0.5, burst=60)  # failures, by sender

    def load_trust(self) -> None:
        """Read what gateways are to trust, at the start and after it was replaced."""
        self._anchors = trust.anchors(self._folder)
        self._command_keys = trust.command_public_keys(self._folder)

    async def anchors(self, request: web.Request) -> web.Response:
        """The anchors, for whoever can check them against a token."""
        return web.json_response({"works": self.settings.works, "anchors": self._anchors})

    async def post(self, request: web.Request) -> web.Response:
        """Enrol a gateway."""
        sender = prefix(request.remote or "")
        try:
            gateway = await self._enrol(*read_request(await read_body(request, enrolment.MAX_REQUEST)))
        except Refused as e:
            wait = self.by_address.spend(sender)
            if wait:
                return web.Response(status=429, text="too many attempts from this address\n",
                                    headers={"Retry-After": str(wait)})
            return web.Response(status=e.status, text=e.reason + "\n")
        except (Busy, StoreError, sqlite3.Error):
            return web.Response(status=503, text="could not be stored\n", headers={"Retry-After": "5"})
        proved(request)
        return web.json_response(self.enrolment_file(gateway))

    async def _enrol(self, secret, public_key, signature, kind, name):
        gateway = envelope.gateway_id(public_key)
        if not self._enrolled.has_token(secret):  # before the signature, which costs more
            raise Refused(403, "token unknown or used")
        if not good_key(public_key):
            raise Refused(403, "public key is not one a gateway makes")
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature,
                                                                  enrolment.to_sign(self.settings.works, secret))
        except (InvalidSignature, ValueError):
            raise Refused(403, "signature does not verify") from None
        now = self.clock.seconds()
        if not self._enrolled.use_token(secret, public_key, now, gateway, kind, name):
            raise Refused(403, "token unknown or used")
        # If this fails the token is spent for this key only, and the gateway may come again with it.
        await self.store.enrol(public_key, kind, name, now)
        return gateway

    def enrolment_file(self, gateway: str) -> dict:
        """What a gateway keeps of its works."""
        s = self.settings
        return {"works": s.works, "name": s.name, "url": s.url, "anchors": self._anchors,
                "command_keys": self._command_keys, "gateway": gateway, "window": s.window, "interval": s.interval}


def read_request(body: bytes) -> "tuple[str, bytes, bytes, str, str]":
    """(secret, public key, signature, kind, name) of an enrolment request; 400 where it is not one."""
    try:
        request = msgspec.json.decode(body, type=Request)
    except (msgspec.DecodeError, RecursionError) as e:
        raise Refused(400, f"not an enrolment request: {' '.join(plain_error(e).split())[:120]}") from None
    return (request.token, bytes.fromhex(request.public_key), bytes.fromhex(request.signature), request.kind,
            request.name)
