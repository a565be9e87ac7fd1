"""What gateway and receiver both say of enrolment: the token of a works, the fingerprint in it, what is signed."""

import binascii
import hashlib

from firmware.wire import WireError, enrolment

DER = bytes(range(256)) * 3
PEM = "-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n"
FIELDS = {"works": "demo", "url": "https://localhost:8443", "secret": "s3cret",
          "ca": hashlib.sha256(DER).digest().hex()}


def pem(der):
    """A certificate as text, in lines as openssl writes them."""
    text = binascii.b2a_base64(der).decode().strip()
    return PEM % "".join([text[i:i + 64] + "\n" for i in range(0, len(text), 64)])


def refused(text):
    try:
        enrolment.parse_token(text)
    except WireError as e:
        return str(e)
    raise AssertionError("taken: %r" % (text,))


def test_a_token_is_read_as_it_was_written():
    for secret in ("s3cret", "a", "ab", "abc", "æøå\xff~~~???>>>"):
        token = enrolment.token_text("demo", "https://localhost:8443", secret, pem(DER))
        assert token.startswith("netti1.") and all(c not in token for c in "+/=\n ")
        assert enrolment.parse_token(token) == dict(FIELDS, secret=secret)
        assert enrolment.parse_token(" " + token + "\n") == dict(FIELDS, secret=secret)


def test_what_is_no_token_is_refused():
    good = enrolment.token_text("demo", "https://localhost:8443", "s3cret", pem(DER))
    for bad in ("", "hello", "netti1.", "netti1.xx", "netti2." + good[7:], good[:-9], good[7:],
                "netti1." + binascii.b2a_base64(b'{"works": "demo"}').decode().strip(),
                "netti1." + binascii.b2a_base64(b'["works", "url", "secret", "ca"]').decode().strip(),
                enrolment.token_text("", "https://localhost:8443", "s3cret", pem(DER)),
                enrolment.token_text("demo", 7, "s3cret", pem(DER))):
        assert refused(bad) == "that is not an enrolment token"


def test_the_fingerprint_is_that_of_the_certificate_alone():
    assert enrolment.fingerprint(pem(DER)) == FIELDS["ca"]
    assert enrolment.fingerprint("about it\n" + pem(DER) + pem(b"another")) == FIELDS["ca"]
    assert enrolment.fingerprint(pem(DER[:-1])) != FIELDS["ca"]


def test_what_is_signed_names_works_and_secret():
    assert enrolment.to_sign("demo", "s3cret") == b"netti/1 enrol demo s3cret"
