"""From a telegram to a reading: the layers in order, then the compiled plan of its records.

Pure: the same arguments give the same reading. What a compact frame needs to remember lies in the caller's `formats`.
With a key, nothing is read of a telegram of which nothing opened under it.
"""

from . import accel, identity, security, transport
from . import plan as plans
from .drivers import model
from .errors import DecodeError, Unsealed

# The standard bits of the TPL's status byte (EN 13757-7 §7.5.6): application in bits 0-1, then one bit each.
APPLICATION = ("", "BUSY", "ERROR", "ALARM")
NOT_SEALED = "a key is given, and nothing in the telegram is encrypted or authenticated with it: not read"
STATUS = ((0x04, "POWER_LOW", "low_battery"), (0x08, "PERMANENT_ERROR", None), (0x10, "TEMPORARY_ERROR", None))


def decode(telegram: bytes, key: "bytes | None" = None, aes=None, formats: "dict | None" = None,
           decrypted: bool = False) -> dict:
    """The reading in a telegram; `aes(key)` and `formats` as in security.py and compact.py. `decrypted`: it may be a
    capture that somebody decrypted, and is read as one where there is no key; for developers' tools alone.

    KeyMissing when it is encrypted and there is no key, WrongKey when its check fails, Unsealed when there is a key and
    nothing opened under it, else DecodeError.
    """
    layers = transport.begin(telegram)
    if decrypted and key is None:
        layers.decrypted = True
    try:
        return _decode(layers, key, aes, formats)
    except DecodeError as error:
        if error.meter is None and layers.address:
            error.meter = identity.meter_text(identity.meter_of(layers.address))
        raise


def _decode(layers, key, aes, formats):
    transport.walk(layers)
    if layers.ci == 0 and layers.ell_at is not None:
        access_number = layers.access_number
        security.open_ell(layers, key, aes)
        transport.walk(layers)
        if layers.access_number is None:
            layers.access_number = access_number
    ci = layers.ci
    if layers.afl is not None:
        security.check_mac(layers, key, aes)
    mode = layers.mode
    if mode:
        security.open_tpl(layers, key, aes)
    unsealed = key is not None and not layers.opened
    if unsealed and not 0xA0 <= ci <= 0xB7:  # those may have a cipher of their own
        raise Unsealed(NOT_SEALED, layers.tpl_at)
    address = layers.address
    base, driver = model(address)
    reading = base.copy()
    reading["id"] = identity.number(address)
    words: "list[str]" = []
    alarms: "list[str]" = []
    data = layers.data
    at = layers.at
    end = layers.end
    if (ci == 0x7A or ci == 0x72 or ci == 0x78) and "body" in driver:
        driver["body"](layers, reading, words, alarms)
    elif mode >= 16 and not layers.diehl:
        raise DecodeError("the maker's own security mode %d" % mode, layers.at - 2)
    elif ci == 0x7A or ci == 0x72 or ci == 0x78:
        plan = plans.find(address, data, at, end)
        if formats is not None and plan.signature not in formats and plan.heads:
            learn(formats, plan, driver.get("formats"))
        rest = plans.apply(plan, data, at, reading, words, alarms)
        if rest is not None and "rest" in driver:
            driver["rest"](rest, reading, words, alarms)
    elif ci in (0x79, 0x7B, 0x73):
        from . import compact
        data, at = compact.expand(layers, formats, driver.get("formats") or {})
        plan = plans.find(address, data, at, len(data))
        plans.apply(plan, data, at, reading, words, alarms)
    else:
        payload = driver.get("payload")
        if not (0xA0 <= ci <= 0xA7 or 0xB1 <= ci <= 0xB7):  # A8 to B0 are one wrong bit away from ELL and AFL
            raise DecodeError("CI %02X is not read" % ci, layers.tpl_at)
        if payload is None:
            raise DecodeError("no driver knows the maker's own frame, CI %02X" % ci, layers.tpl_at)
        layers.key = key
        layers.aes = aes
        payload(layers, reading, words, alarms)
        if unsealed and not layers.opened:
            raise Unsealed(NOT_SEALED, layers.tpl_at)
    if mode and layers.plain_end is not None:
        from . import rest as behind
        behind.read(layers, reading)
    if layers.status:
        status_byte(layers.status, driver, words, alarms)
    if words:
        words.sort()
        reading["status"] = " ".join(words)
    if alarms:
        alarms.sort()
    reading["alarms"] = alarms
    if "finish" in driver:
        driver["finish"](reading)
    return reading


def learn(formats: dict, plan, shipped: "dict | None") -> None:
    """Keep what a compact frame of this layout leaves out, unless its driver ships it; where a meter has many, one of
    the others goes."""
    if shipped and plan.signature in shipped:
        return
    if len(formats) >= accel.FORMATS:
        formats.pop(list(formats)[0])
    formats[plan.signature] = plan.heads


def status_byte(status: int, driver: dict, words: list, alarms: list) -> None:
    """Append words and alarms of a TPL status byte that is not zero, as a driver's layout reads it."""
    table = driver.get("status", ())
    if table is not None:
        if status & 3:
            words.append(APPLICATION[status & 3])
        plans.flags(status & 0x1C, STATUS, "", words, alarms)
        if status & 0xE0:
            plans.flags(status & 0xE0, table, "UNKNOWN_%X", words, alarms)
    for mask, alarm in driver.get("standard", ()):
        if status & mask == mask and alarm not in alarms:
            alarms.append(alarm)
    if "values" in driver:
        alarm = driver["values"].get(status & 0xF0)
        if alarm and alarm not in alarms:
            alarms.append(alarm)


def alarms(summary) -> "list[str]":
    """The alarms a telegram's plain status byte tells without any key, of drivers.ALARMS, for its `summary`."""
    names: "list[str]" = []
    if summary.status:
        meter = summary.meter
        status_byte(summary.status, model(identity.address_of(meter))[1], [], names)
        names.sort()
    return names
