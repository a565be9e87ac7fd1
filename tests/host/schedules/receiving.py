"""The receiver of a schedule: the real one, asked without a socket, that can be killed at a commit and restored.

A kill is a copy of the files as they lie at that moment: the new start finds what the disk held, and nothing that was
only in memory. What the killed one does afterwards is done to files that nobody reads again.
"""

import asyncio
import collections
import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import threading
from pathlib import Path

import receiver_support
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import cloud_receiver.office.orders as orders_module
from cloud_receiver import app
from cloud_receiver.office import trust
from cloud_receiver.office.office import Office
from firmware import identity
from firmware.wire import enrolment, records
from firmware.wire import envelope as wire_envelope

from .device import in_hex

WORKS = "works"
START = receiver_support.NOW


class FakeTime:
    """The real time, for those who ask for it: that of the schedule."""

    def __init__(self):
        self.at = START

    def time(self):
        return float(self.at)


class Request:
    """What ingest sees of a request whose body has come as a whole."""

    remote = "127.0.0.1"

    def __init__(self, body):
        self._body = body
        self.content_length = len(body)
        self.content = self

    def is_eof(self):
        return True

    def get(self, name):
        """Nothing: it came on no connection that ingest knows."""

    async def iter_any(self):
        yield self._body

    async def read(self):
        return self._body


class Killed(Exception):
    """The receiver was killed before it answered."""


class Template:
    """What all schedules of a campaign begin with: a receiver that knows one gateway, and this gateway's folder."""

    def __init__(self, folder: Path):
        self.receiver = folder / "receiver"
        self.gateway = folder / "gateway"
        directory = receiver_support.make(self.receiver, WORKS, port=8443)
        self.me = identity.of_seed(hashlib.sha256(b"gateway of the schedules").digest())
        self.key = Ed25519PrivateKey.from_private_bytes(self.me.seed)
        receiver = app.Receiver(directory, receiver_support.FixedClock(START))
        with Office(directory) as office:
            secret = office.enrolled.make_token(START)
        body = b'{"token": "%s", "public_key": "%s", "signature": "%s", "kind": "home"}' % (
            secret.encode(), self.me.public_key.hex().encode(),
            self.key.sign(enrolment.to_sign(WORKS, secret)).hex().encode())

        async def go():
            answer = await receiver.devices.enrolment.post(Request(body))
            assert answer.status == 200, answer.text
            await receiver.close()
            return answer.body
        works = asyncio.run(go())
        self.gateway.mkdir()
        (self.gateway / "works.json").write_bytes(works)
        (self.gateway / "identity.json").write_bytes(identity.dump(self.me))
        self.anchors = trust.anchors(directory.ca)


class Receiving:
    """One receiver through all its lives; `loop` is the event loop to run it in."""

    def __init__(self, template, folder: Path, loop):
        self.template, self.folder, self.loop = template, folder, loop
        self.clock = receiver_support.FixedClock(START)
        self.time = FakeTime()
        orders_module.time = self.time
        self.lives = 0
        self.home = self._next()
        shutil.copytree(template.receiver, self.home)
        self.backups = [template.receiver]
        self.receiver = None
        self._kill = None  # before, after
        self._killed = None
        self._released = threading.Event()
        self._image = None
        self.revoked = False
        self.made = collections.Counter()  # (name, arguments as sent) of the commands made so far
        self.start()

    def _next(self):
        self.lives += 1
        return self.folder / f"receiver{self.lives}"

    # --- its lives

    def start(self):
        """Start on what the folder holds."""
        receiver = app.Receiver(receiver_support.Directory(self.home), self.clock)
        receiver.devices.ingest.by_address.rate = receiver.devices.ingest.by_address.burst = 1e9
        self.receiver = receiver
        groups = receiver.store.writer.groups
        real = groups._commit

        def commit(connection):
            kill, self._kill = self._kill, None
            if kill == "before":
                self._die()
            real(connection)
            if kill == "after":
                self._die()
        groups._commit = commit
        make = receiver.office.orders.make

        def counted(gateway, name, arguments, now):
            self.made[(name, said(arguments))] += 1
            return make(gateway, name, arguments, now)
        receiver.office.orders.make = counted
        self.revoke(self.revoked)
        self.loop.run_until_complete(receiver.keeping.reconcile())

    def _die(self):
        self._image = self._copy()
        self._released.clear()
        self.loop.call_soon_threadsafe(self._killed.set)
        self._released.wait(5)
        raise sqlite3.OperationalError("killed")

    def _copy(self):
        image = self._next()
        image.mkdir()
        for path in self.home.iterdir():
            if path.is_dir():
                os.symlink(path.resolve(), image / path.name)
            elif not path.name.endswith("-shm"):
                shutil.copy(path, image)
        return image

    def stop(self):
        """An orderly end."""
        self._released.set()
        if self.receiver is not None:
            self.loop.run_until_complete(self.receiver.close())
            self.receiver = None

    def kill(self, image=None):
        """SIGKILL, and a new start on what was on the disk then."""
        image = image or self._copy()
        self.stop()
        self.home = image
        self.start()

    def backup(self):
        """Keep a copy of the store and the key store as they are now."""
        copy = self._next()
        copy.mkdir()
        for name in ("store.sqlite", "keys.sqlite"):
            with contextlib.closing(sqlite3.connect(self.home / name)) as source, \
                    contextlib.closing(sqlite3.connect(copy / name)) as target:
                source.backup(target)
        self.backups.append(copy)

    def restore(self, number, with_keys):
        """Put an older copy in place of the store, and of the key store too or not; number -1: no store at all."""
        self.stop()
        for name in ("store.sqlite", "keys.sqlite")[:2 if with_keys and number >= 0 else 1]:
            for end in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    (self.home / (name + end)).unlink()
            if number >= 0:
                shutil.copy(self.backups[number % len(self.backups)] / name, self.home / name)
        self.start()

    # --- what comes to it

    def post(self, body):
        """(status, headers, body) for a batch; Killed where it was killed on the way and had not answered."""
        return self.loop.run_until_complete(self._post(body))

    async def _post(self, body):
        self._killed = asyncio.Event()
        self._image = None
        answering = self.loop.create_task(self.receiver.devices.ingest.post(Request(body)))
        dying = self.loop.create_task(self._killed.wait())
        await asyncio.wait((answering, dying), return_when=asyncio.FIRST_COMPLETED)
        dying.cancel()
        answered = self._image is None
        self._released.set()
        with contextlib.suppress(Exception):
            answer = await answering
        if not answered:
            raise Killed
        return answer.status, dict(answer.headers), answer.body or b""

    def kill_at_commit(self, when):
        """Have the next commit be the last thing it does (after), or the first it does not do (before)."""
        self._kill = when

    def bury(self):
        """Start again after a Killed."""
        self._kill = None
        self._released.set()
        if self._image is not None:
            image, self._image = self._image, None
            self.kill(image)

    def command(self, name, arguments):
        """Queue a command for the gateway; its counter."""
        return self.receiver.office.orders.make(self.template.me.gateway, name, arguments, self.clock.seconds())

    def revoke(self, revoked):
        """Make the gateway's requests 401, or not."""
        self.revoked = revoked
        self.receiver.office.enrolled._revoked = {self.template.me.gateway: 1} if revoked else {}

    def waits(self, name):
        """Whether a command of this name waits for its result."""
        return any(c.name == name for c in self.receiver.office.orders.open(self.template.me.gateway))

    def mark(self, epoch, home=None):
        """How far the store (or that of a backup) has an epoch."""
        with contextlib.closing(sqlite3.connect((home or self.home) / "store.sqlite")) as db:
            row = db.execute("SELECT through FROM epochs WHERE epoch = ?", (epoch,)).fetchone()
        return row[0] if row else 0

    def rows(self, sql, *values):
        """What the store holds."""
        with contextlib.closing(sqlite3.connect(self.home / "store.sqlite")) as db:
            return db.execute(sql, values).fetchall()

    def close(self):
        """The end of the schedule."""
        self.stop()


class Past:
    """An older copy of a gateway's flash has come back: which of the receiver's backups know more of this epoch than
    the copy has sent. A receiver that did not and has gone on must not be put on such a backup (docs/wire.md)."""

    def __init__(self, receiver, epoch, sent):
        self.receiver, self.epoch, self.sent = receiver, epoch, sent
        self.know = [receiver.mark(epoch, backup) > sent for backup in receiver.backups]
        self.now = receiver.mark(epoch) > sent

    def backup(self):
        """Another one was made."""
        self.know.append(self.now)

    def knows(self, number):
        """Whether the backup of a restore does."""
        return number >= 0 and self.know[number % len(self.know)]

    def may(self, number):
        """Whether that restore may be."""
        return self.now or not self.knows(number)

    def restore(self, number):
        """It is."""
        self.now = self.knows(number)


def said(arguments):
    """A command's arguments as text that tells them apart, the same for both sides."""
    return json.dumps({name: in_hex(value) for name, value in arguments.items()}, sort_keys=True)


def twin(template, body):
    """Another batch of the same epoch and range, as a gateway would send that had been given an older flash."""
    envelope = wire_envelope.open_envelope(body, "batch", WORKS)
    head, _ = wire_envelope.open_head(body, envelope.end)
    content = wire_envelope.head(head.epoch, head.boot, head.firmware, head.clock, head.first, head.last) + b"".join(
        records.event(seq, START, "twin", "") for seq in range(head.first, head.last + 1))
    digest = hashlib.sha256(content).digest()
    signature = template.key.sign(wire_envelope.to_sign("batch", WORKS, template.me.kid, digest))
    return wire_envelope.envelope(template.me.kid, digest, signature) + content
