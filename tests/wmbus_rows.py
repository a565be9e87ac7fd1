"""Captured telegrams as a device reads them: few ciphers at a time, no driver kept that the next one does not need.

Some were decrypted by whoever captured them: they are read as a developer's tool reads them."""

import gc
import sys

import wmbus
from firmware.port import aes
from wmbus import drivers, modes, plan, rest  # noqa: F401 - what is loaded later lies all over a small heap

CIPHERS = {}


def cipher(key):
    if len(key) == 8:
        raise ValueError("no DES")
    if key not in CIPHERS:
        if len(CIPHERS) > 4:
            CIPHERS.clear()
        CIPHERS[key] = aes(key)
    return CIPHERS[key]


def unload():
    """A device's heap holds the drivers of one home's meters, not of every maker in the captures."""
    if sys.implementation.name != "micropython":
        return
    for name in list(sys.modules):
        if name.startswith("wmbus.drivers."):
            del sys.modules[name]
            delattr(drivers, name[14:])
    drivers.forget()
    plan.forget()
    gc.collect()


def read(row, formats):
    key = bytes.fromhex(row["key"]) if row["key"] else None
    for earlier in row.get("prior") or []:
        wmbus.decode(wmbus.strip_crc(bytes.fromhex(earlier)), key, cipher, formats, True)
    return wmbus.decode(wmbus.strip_crc(bytes.fromhex(row["telegram_hex"])), key, cipher, formats, True)
