"""Replay to a receiver, as an enrolled gateway would send it: water telegrams in signed batches over HTTPS.

The replay speaks with the identity of a gateway's directory but in an epoch of its own, drawn at random: the seq of
the gateway itself is not touched, and it may run meanwhile. The receiver's clock is asked first (an empty batch).
What a gateway would not relay is not sent: other media than water, and everything of a HAN port.
"""

import hashlib
import json
import os
import ssl
import time
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Callable
from urllib.parse import urlsplit

from firmware import config, identity, wire
from firmware.wire import envelope, orders
from firmware.wire import records as wire_records

from ..errors import CommandError

ROOM = 512  # bytes of a batch for its envelope and head
TIMEOUT_S = 60
ATTEMPTS = 6
WATER = orders.WATER
FIRMWARE = "netti replay"


class Poster:
    """One replay to a receiver. `durable` counts the telegrams it has stored."""

    def __init__(self, url: str, directory: Path, pause: "Callable[[float], None]" = time.sleep):
        """`pause(seconds)` waits before the receiver is asked once more; what it raises ends that."""
        self.identity, self.works = _enrolled(directory)
        where = urlsplit(url)
        try:
            host, number = where.hostname or "", where.port or 443
        except ValueError:
            raise CommandError(f"--to {url}: not https://HOST:PORT") from None
        if where.path not in ("", "/", wire.PATH) or not host:
            raise CommandError(f"--to {url}: not https://HOST:PORT")
        self.name = f"https://{host}:{number}"
        context = ssl.create_default_context(cadata="\n".join(self.works["anchors"]))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._connection = HTTPSConnection(host, number, timeout=TIMEOUT_S, context=context)
        self._renew()
        self.durable = self.batches = 0
        self._most = wire.MAX_RECORDS
        self._pause = pause
        self._pending: "list[bytes]" = []
        self._size = 0
        # The receiver's clock, not ours: a simulated one may run elsewhere and faster.
        answer = self._send([])
        self._offset = answer.time - time.time()

    @property
    def pending(self) -> int:
        """How many telegrams were given to it and are not taken yet."""
        return len(self._pending)

    def now(self) -> float:
        """Unix time as the receiver has it."""
        return time.time() + self._offset

    def _renew(self) -> None:
        self.epoch, self.seq = os.urandom(8), 0

    def add(self, telegram: bytes, rssi: int, at: float) -> None:
        """Take one telegram; full batches are sent at once."""
        self._pending.append(wire_records.telegram(self.seq + len(self._pending) + 1, int(at), rssi, telegram))
        self._size += len(self._pending[-1])
        if len(self._pending) >= self._most or self._size > wire.MAX_BATCH - ROOM - wire.MAX_RECORD:
            self.flush()

    def flush(self) -> None:
        """Send what is pending; returns when it is durable at the receiver. CommandError when it will not be."""
        while self._pending:
            records = self._pending[:self._most]
            answer = self._send(records)
            if answer is None:
                continue
            done = answer.through - self.seq if answer.epoch == self.epoch else 0
            if not 0 < done <= len(records):
                raise CommandError(f"{self.name}: its answer acknowledges nothing that was sent")
            self.seq += done
            self.durable += done
            self._pending = self._pending[done:]
            self._size = sum(map(len, self._pending))

    def _body(self, records: "list[bytes]") -> bytes:
        first, last = (self.seq + 1, self.seq + len(records)) if records else (0, 0)
        content = envelope.head(self.epoch, 1, FIRMWARE, wire_records.CLOCK_ANSWER, first, last) + b"".join(records)
        digest = hashlib.sha256(content).digest()
        to_sign = envelope.to_sign("batch", self.works["works"], self.identity.kid, digest)
        return envelope.envelope(self.identity.kid, digest, _sign(self.identity, to_sign)) + content

    def _send(self, records: "list[bytes]"):
        for attempt in range(ATTEMPTS):
            try:
                self._connection.request("POST", wire.PATH, self._body(records), {
                    "Content-Type": wire.CONTENT_TYPE, "Accept": wire.ANSWER_TYPE})
                response = self._connection.getresponse()
                body = response.read()
            except ssl.SSLCertVerificationError as e:
                raise CommandError(f"{self.name}: its certificate is not of this works ({e.verify_message})") from None
            except (OSError, HTTPException) as e:
                self._connection.close()
                if attempt == ATTEMPTS - 1:
                    raise CommandError(f"{self.name}: {e}") from None
                self._pause(2 ** attempt / 4)
                continue
            self.batches += 1
            if response.status == 200:
                try:
                    return envelope.open_answer(body)
                except wire.WireError as e:
                    raise CommandError(f"{self.name}: {e}") from None
            if response.status in (429, 503):
                after = response.headers.get("Retry-After", "")
                self._pause(min(int(after) if after.isdigit() else 2 ** attempt, TIMEOUT_S))
            elif response.status == 413 and len(records) > 1:
                self._most = max(len(records) // 2, 1)
                return None
            else:
                text = body[:200].decode("utf-8", "replace").strip()
                meaning = {401: "this gateway is not enrolled there, or revoked", 403: "it refuses the signature"}
                raise CommandError(f"{self.name}: {meaning.get(response.status, text)} (HTTP {response.status})")
        raise CommandError(f"{self.name}: busy, gave up after {ATTEMPTS} attempts")

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _enrolled(directory: Path):
    """(identity, enrolment file) of a gateway's directory."""
    contents = []
    for name in ("identity.json", "works.json"):
        try:
            contents.append((directory / name).read_bytes())
        except OSError as e:
            raise CommandError(f"{directory / name}: {e.strerror}; enrol a gateway first: netti gateway enrol TOKEN "
                               f"--dir {directory}") from None
    try:
        return identity.load(contents[0]), config.check_works(json.loads(contents[1]))
    except ValueError as e:
        raise CommandError(f"{directory}: {e}") from None


def _sign(who: identity.Identity, message: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    return Ed25519PrivateKey.from_private_bytes(who.seed).sign(message)
