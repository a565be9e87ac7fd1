"""Enrolment: with a one-time token of the works a gateway gets its enrolment file.

A token is "netti1." and base64url of JSON {works, url, secret, ca}: `ca` is the SHA-256 of the works' first anchor. The
anchors are fetched from a server that is not trusted yet, checked against that, and only then used for the request
that carries the secret.
"""

import binascii
import hashlib
import json

from .. import config
from ..crypto import ed25519
from ..uplink import http

PREFIX = "netti1."
TIMEOUT_S = 30


class EnrolError(ValueError):
    """Why this gateway could not be enrolled, in one line."""


def parse_token(text):
    """The fields of a token. Raises EnrolError."""
    text = text.strip()
    try:
        if not text.startswith(PREFIX):
            raise ValueError()
        body = text[len(PREFIX):].replace("-", "+").replace("_", "/")
        fields = json.loads(binascii.a2b_base64(body + "=" * (-len(body) % 4)))
        for name in ("works", "url", "secret", "ca"):
            if not isinstance(fields[name], str) or not fields[name]:
                raise ValueError()
    except (ValueError, KeyError, TypeError):
        raise EnrolError("that is not an enrolment token")  # noqa: B904 - the text says it all
    return fields


def der(pem):
    """The DER bytes of a PEM certificate."""
    body = pem.split("-----BEGIN CERTIFICATE-----", 1)[-1].split("-----END CERTIFICATE-----", 1)[0]
    return binascii.a2b_base64("".join(body.split()))


def proof(identity, works, secret):
    """The signature that shows this gateway holds the key its id is made from."""
    message = b"netti/1 enrol " + works.encode() + b" " + secret.encode()
    return ed25519.sign(identity.seed, identity.public_key, message)


async def _request(port, host, number, tls, head, body=b""):
    reader, writer = await port.connect(host, number, tls)
    try:
        writer.write(head + body)
        await writer.drain()
        status, _headers, answer, _goes_on = await http.read_answer(reader)
        return status, answer
    finally:
        await port.close(writer)


async def fetch_anchors(port, token):
    """The works' anchors (PEM texts), checked against the token. Raises EnrolError, OSError, ValueError."""
    host, number = config.split_url(token["url"])
    head = http.request_head("GET", host, number, "/v1/anchors", accept="application/json")
    status, answer = await port.within(TIMEOUT_S, _request(port, host, number, port.tls_unverified(), head))
    if status != 200:
        raise EnrolError("the receiver answers %d to a request for its anchors" % status)
    anchors = json.loads(answer)["anchors"]
    if hashlib.sha256(der(anchors[0])).digest().hex() != token["ca"].lower():
        raise EnrolError("the receiver at %s is not the one this token is for (fingerprint differs)" % token["url"])
    return anchors


async def enrol(port, text, identity, kind, name=""):
    """Enrol with a token; returns the bytes of works.json. Raises EnrolError, OSError, ValueError."""
    token = parse_token(text)
    anchors = await fetch_anchors(port, token)
    host, number = config.split_url(token["url"])
    body = json.dumps({"token": token["secret"], "public_key": identity.public_key.hex(), "kind": kind, "name": name,
                       "signature": proof(identity, token["works"], token["secret"]).hex()}).encode()
    head = http.request_head("POST", host, number, "/v1/gateways", len(body), "application/json", "application/json")
    status, answer = await port.within(
        TIMEOUT_S, _request(port, host, number, port.tls_context(anchors), head, body))
    if status != 200:
        said = answer[:200].split(b"\n")[0].decode()
        raise EnrolError("the receiver refuses (%d): %s" % (status, said))
    works = config.check_works(json.loads(answer))
    if works["works"] != token["works"] or works["gateway"] != identity.gateway:
        raise EnrolError("the receiver's answer is for another works or gateway")
    return answer
