"""The works' own certificates: two CAs (anchors) that gateways trust, and the device endpoint's certificate.

P-256 throughout: what mbedTLS on a gateway verifies quickly. The anchors last 20 years, and so does the endpoint's
certificate: it is pinned to a private CA, and a gateway whose clock stands years off must still reach the receiver to
get the right time. For the same reason validity begins in 2000. The second anchor is a stand-by: its key belongs
offline, and all gateways trust it from the first day, so that the first can be replaced without losing one.
"""

import datetime
import ipaddress
import os
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .files import write_private

YEARS = 20
NOT_BEFORE = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)
ANCHORS = ("anchor1", "anchor2")
ENDPOINT = "endpoint"
COMMAND_KEYS = ("command1", "command2")  # the one in use, and its pinned successor


def make(folder: Path, works: str, name: str, host: str) -> None:
    """Make the anchors, the endpoint's certificate for `host` and the command keys in `folder` (0700)."""
    folder.mkdir(mode=0o700, exist_ok=True)
    os.chmod(folder, 0o700)
    for anchor in ANCHORS:
        _make_anchor(folder, anchor, works, name)
    for command_key in COMMAND_KEYS:
        write_private(folder / (command_key + ".key"), _private(Ed25519PrivateKey.generate()))
    issue(folder, host)


def issue(folder: Path, host: str, anchor: str = ANCHORS[0]) -> None:
    """Make the endpoint's key and certificate anew, signed by an anchor, for a host (name or address) and localhost."""
    issuer = x509.load_pem_x509_certificate((folder / (anchor + ".pem")).read_bytes())
    issuer_key = serialization.load_pem_private_key((folder / (anchor + ".key")).read_bytes(), None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{anchor}.key is not an EC key")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    certificate = (_builder(subject, issuer.subject, key.public_key())
                   .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                   .add_extension(_usage(digital_signature=True), critical=True)
                   .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
                   .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
                                  critical=False)
                   .sign(issuer_key, hashes.SHA256()))
    _write(folder, ENDPOINT, key, certificate)


def rotate_anchor(folder: Path, works: str, name: str, host: str) -> None:
    """Let the stand-by anchor take over: it becomes the first, the endpoint's certificate is issued under it, and there
    is a new stand-by. Gateways trust the stand-by already; the new one they must be told of before the next change."""
    for suffix in (".key", ".pem"):
        os.replace(folder / (ANCHORS[0] + suffix), folder / ("retired" + suffix))
        os.replace(folder / (ANCHORS[1] + suffix), folder / (ANCHORS[0] + suffix))
    _make_anchor(folder, ANCHORS[1], works, name)
    issue(folder, host)


def rotate_command_key(folder: Path) -> None:
    """Let the successor of the command key take over, and make a new successor."""
    os.replace(folder / (COMMAND_KEYS[1] + ".key"), folder / (COMMAND_KEYS[0] + ".key"))
    write_private(folder / (COMMAND_KEYS[1] + ".key"), _private(Ed25519PrivateKey.generate()))


def stamp(folder: Path) -> "tuple[int, ...]":
    """A value that changes when certificates or keys have been replaced."""
    return tuple(p.stat().st_mtime_ns for p in sorted(folder.iterdir()))


def anchors(folder: Path) -> "list[str]":
    """The anchors as PEM texts, the one in use first."""
    return [(folder / (name + ".pem")).read_text(encoding="ascii") for name in ANCHORS]


def command_key(folder: Path, name: str = COMMAND_KEYS[0]) -> Ed25519PrivateKey:
    """The works' command key, or its successor."""
    key = serialization.load_pem_private_key((folder / (name + ".key")).read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{name}.key is not an Ed25519 key")
    return key


def command_public_keys(folder: Path) -> "list[str]":
    """The public command keys in hex, the one in use first."""
    return [public_bytes(command_key(folder, name)).hex() for name in COMMAND_KEYS]


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of an Ed25519 key's public half."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def server_context(folder: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer for the device endpoint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load(context, folder)
    return context


def load(context: ssl.SSLContext, folder: Path) -> None:
    """Have a context show the endpoint's present certificate."""
    context.load_cert_chain(folder / (ENDPOINT + ".pem"), folder / (ENDPOINT + ".key"))


def _make_anchor(folder, anchor, works, name):
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()  # in the name too: anchors that follow each other are told apart by it
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name[:64] or works),
                         x509.NameAttribute(NameOID.COMMON_NAME, f"Netti works {works} {serial % (1 << 32):08x}")])
    certificate = (_builder(subject, subject, key.public_key())
                   .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                   .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
                   .sign(key, hashes.SHA256()))
    _write(folder, anchor, key, certificate)


def _builder(subject, issuer, public_key):
    not_after = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=YEARS * 365)
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
            .serial_number(x509.random_serial_number()).not_valid_before(NOT_BEFORE).not_valid_after(not_after)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False))


def _usage(**on):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: on.get(name, False) for name in names})


def _names(host):
    names: "list[x509.GeneralName]" = []
    for name in dict.fromkeys((host, "localhost", "127.0.0.1")):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            names.append(x509.DNSName(name))
    return names


def _private(key) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def _write(folder, name, key, certificate):
    write_private(folder / (name + ".key"), _private(key))
    write_private(folder / (name + ".pem"), certificate.public_bytes(serialization.Encoding.PEM), 0o644)
