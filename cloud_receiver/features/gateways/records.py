"""The kept records of a gateway in words: events, starts, clock changes, places."""

from firmware.wire import cbor, records

from ...data import crashes
from ...web.words import N_

NAMES = {records.EVENT: N_("Event"), records.BOOT: N_("Start"), records.CLOCK: N_("Clock set"),
         records.POSITION: N_("Position")}


def described(kind, time, received, body):
    """(name, detail, time, received) of a kept record; what cannot be read has no detail."""
    detail = ""
    if kind:
        try:
            fields = cbor.decode_all(body)[3:]
            detail = {records.EVENT: lambda: f"{fields[0]} {fields[1]}".strip(),
                      records.BOOT: lambda: f"{fields[0]} · {fields[1]}",
                      records.POSITION: lambda: f"{fields[0] / 1e7:.5f}, {fields[1] / 1e7:.5f}"}.get(kind, lambda: "")()
            if kind == records.EVENT and fields[0] == "crash":
                lines = crashes.crash(time, received, fields[1]).trace.splitlines()
                return N_("Crash"), lines[-1][:200] if lines else "", time, received
        except Exception:  # noqa: BLE001 - checked when it was taken; a page is no place to fail over it
            detail = ""
    return NAMES.get(kind, N_("Record of an unknown kind")), detail[:200], time, received
