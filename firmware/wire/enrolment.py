"""What gateway and receiver both say of enrolment: the token, what is signed, the kinds of gateway (docs/wire.md).

A token is "netti1." and base64url of JSON {works, url, secret, ca}: `ca` is the SHA-256 (hex) of the works' first
anchor.
"""

import binascii
import hashlib
import json

from . import WireError

PATH, ANCHORS_PATH = "/v1/gateways", "/v1/anchors"
KINDS = ("home", "concentrator", "drive-by")
PREFIX = "netti1."
FIELDS = ("works", "url", "secret", "ca")
MAX_REQUEST = 4096  # bytes
MAX_SECRET, MAX_NAME = 200, 80  # characters


def token_text(works, url, secret, anchor):
    """The one string a technician gets, for a works' first anchor (PEM)."""
    fields = {"works": works, "url": url, "secret": secret, "ca": fingerprint(anchor)}
    body = binascii.b2a_base64(json.dumps(fields).encode()).decode()
    return PREFIX + body.rstrip("\n=").replace("+", "-").replace("/", "_")


def parse_token(text):
    """The fields of a token. Raises WireError."""
    text = text.strip()
    try:
        if not text.startswith(PREFIX):
            raise ValueError()
        body = text[len(PREFIX):].replace("-", "+").replace("_", "/")
        fields = json.loads(binascii.a2b_base64(body + "=" * (-len(body) % 4)))
        for name in FIELDS:
            if not isinstance(fields[name], str) or not fields[name]:
                raise ValueError()
    except (ValueError, KeyError, TypeError):
        raise WireError("that is not an enrolment token")  # noqa: B904 - the text says it all
    return fields


def fingerprint(pem):
    """The SHA-256 (hex) of a certificate's DER."""
    body = pem.split("-----BEGIN CERTIFICATE-----", 1)[-1].split("-----END CERTIFICATE-----", 1)[0]
    return binascii.hexlify(hashlib.sha256(binascii.a2b_base64("".join(body.split()))).digest()).decode()


def to_sign(works, secret):
    """What a gateway signs to show that it holds the key its id is made from."""
    return b"netti/1 enrol " + works.encode() + b" " + secret.encode()
