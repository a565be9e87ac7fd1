"""Enrolment: with a one-time token of the works (wire/enrolment.py) a gateway gets its enrolment file.

The token carries the fingerprint of the works' first anchor. The anchors are fetched from a server that is not trusted
yet, checked against that, and only then used for the request that carries the secret.
"""

import json

from .. import config
from ..crypto import ed25519
from ..uplink import http
from ..wire import enrolment

TIMEOUT_S = 30


class EnrolError(ValueError):
    """Why this gateway could not be enrolled, in one line."""


def proof(identity, works, secret):
    """The signature that shows this gateway holds the key its id is made from."""
    return ed25519.sign(identity.seed, identity.public_key, enrolment.to_sign(works, secret))


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
    head = http.request_head("GET", host, number, enrolment.ANCHORS_PATH, accept="application/json")
    status, answer = await port.within(TIMEOUT_S, _request(port, host, number, port.tls_unverified(), head))
    if status != 200:
        raise EnrolError("the receiver answers %d to a request for its anchors" % status)
    anchors = json.loads(answer)["anchors"]
    if enrolment.fingerprint(anchors[0]) != token["ca"].lower():
        raise EnrolError("the receiver at %s is not the one this token is for (fingerprint differs)" % token["url"])
    return anchors


async def enrol(port, text, identity, kind, name=""):
    """Enrol with a token; returns the bytes of works.json. Raises EnrolError, OSError, ValueError."""
    token = enrolment.parse_token(text)
    anchors = await fetch_anchors(port, token)
    host, number = config.split_url(token["url"])
    body = json.dumps({"token": token["secret"], "public_key": identity.public_key.hex(), "kind": kind, "name": name,
                       "signature": proof(identity, token["works"], token["secret"]).hex()}).encode()
    head = http.request_head("POST", host, number, enrolment.PATH, len(body), "application/json", "application/json")
    status, answer = await port.within(
        TIMEOUT_S, _request(port, host, number, port.tls_context(anchors), head, body))
    if status != 200:
        said = answer[:200].split(b"\n")[0].decode()
        raise EnrolError("the receiver refuses (%d): %s" % (status, said))
    works = config.check_works(json.loads(answer))
    if works["works"] != token["works"] or works["gateway"] != identity.gateway:
        raise EnrolError("the receiver's answer is for another works or gateway")
    return answer
