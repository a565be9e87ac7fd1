"""A gateway that takes orders, and orders signed by its works or by others: what the tests of orders share."""

import asyncio
import hashlib
import json

import gateway_bench as rig

from firmware import port
from firmware.crypto import ed25519
from firmware.folder import restored
from firmware.orders import Orders
from firmware.wire import cbor, envelope, records

T = rig.T
SEED, SUCCESSOR, STRANGER = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32
KEYS = {seed: ed25519.public_key(seed) for seed in (SEED, SUCCESSOR, STRANGER)}
PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
METER = "NET-12345678-01-07"


class Cut(BaseException):
    """The process ends here."""


class Uplink:
    """What a gateway asks of its uplink."""

    def __init__(self, works):
        self._works = works
        self.interval = 900
        self.trusted = []
        self.kicks = 0
        self.last_error = ""

    def kick(self):
        self.kicks += 1

    def works(self):
        return self._works

    def trust(self, works, former=None):
        self.trusted.append((works, former))


class Bench(rig.Bench):
    """A gateway that takes commands; `saved` is what its disk would hold after a cut."""

    kind = Orders

    def __init__(self, state=None, timed=True, **settings):
        rig.Bench.__init__(self, **settings)
        self.works = {"works": "demo", "gateway": rig.ME.gateway, "window": 3600, "interval": 900,
                      "command_keys": [KEYS[SEED], KEYS[SUCCESSOR]]}
        self.uplink = Uplink(self.works)
        self.saved = []
        self.state = restored(state)
        self.save_state = lambda state: self.saved.append(json.dumps(state))
        self.kept_orders = []
        self.save_orders = lambda orders: self.kept_orders.append(json.dumps(orders))
        self.kept_works = []
        self.save_works = lambda raw, works: self.kept_works.append(raw)
        self.make_own = lambda meters: rig.OwnMeters(meters, port.aes, self.journal.water_hour, self.count)
        self.closed = []
        self.valve = lambda: self.closed.append(1)
        self.taker = self.kind(rig.ME.kid, self.works, self.clock, self.state,
                               lambda state: self.save_state(state), self.values, self)
        if timed:
            self.set_clock()

    def give(self, *commands, before=T):
        return asyncio.run(self.taker.execute_all(list(commands), before))

    def results(self):
        return [tuple(row[3:5]) for row in self.records(self.values, records.RESULT)]


def command(name, arguments, counter=1, not_after=T + 200, seed=SEED, kid=rig.ME.kid, works="demo", purpose="command",
            content=None, content_type="application/cbor"):
    content = cbor.encode([kid, counter, not_after, name, arguments]) if content is None else content
    signer = envelope.kid(KEYS[seed])
    digest = hashlib.sha256(content).digest()
    message = envelope.to_sign(purpose, works, signer, digest, content_type)
    return envelope.envelope(signer, digest, ed25519.sign(seed, KEYS[seed], message), content_type) + content
