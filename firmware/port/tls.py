"""TLS of both runtimes: contexts that trust a works' anchors only."""

import binascii
import ssl

from . import MICROPYTHON

_X509_NO_CHECK_TIME = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME


def _der(pem):
    """The DER bytes of one PEM certificate."""
    body = pem.split("-----BEGIN CERTIFICATE-----", 1)[-1].split("-----END CERTIFICATE-----", 1)[0]
    return binascii.a2b_base64("".join(body.split()))


def tls_context(anchors):
    """A TLS 1.2+ client context that trusts these PEM anchors only and always checks certificate and host name.

    On CPython the certificate's dates are left to `dates_hold`, by the gateway's clock: the system's may be unset.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    if MICROPYTHON:
        for pem in anchors:
            context.load_verify_locations(cadata=_der(pem))
        return context
    context.check_hostname = True
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= _X509_NO_CHECK_TIME
    context.load_verify_locations(cadata="\n".join(anchors))
    return context


def tls_unverified():
    """A context that trusts anyone: only to fetch what is then checked against a fingerprint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not MICROPYTHON:
        context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def dates_hold(writer, unix, confirmed):
    """Whether the server's certificate can be valid now. If `unix` is only a floor (not `confirmed`), it is later in
    truth: then only its end counts. MicroPython's TLS has checked both ends itself, by the chip's clock."""
    if MICROPYTHON:
        return True
    certificate = writer.get_extra_info("peercert")
    if unix > ssl.cert_time_to_seconds(certificate["notAfter"]):
        return False
    return not confirmed or ssl.cert_time_to_seconds(certificate["notBefore"]) <= unix
