"""Runs a receiver with a fault planted from outside, for the demo to find.

    python -m netti_tools.demo.faults drop|dup|wrong[,...] receiver serve DIR ...

The production code knows nothing of this: the functions of the running process are replaced before it starts.

    drop   telegrams of one meter and window in sixteen are acknowledged, and not stored
    dup    a telegram that a second gateway brings is sometimes stored again
    wrong  one reading in twelve shows a litre more than the meter sent
"""

import sys
import zlib


def drop() -> None:
    """Lose some telegrams between verification and store."""
    import firmware.wire.records as records
    from cloud_receiver.stores.jobs import batch, common_batch
    common_batch.rows = lambda *_: None
    store = batch.ENTRIES[records.TELEGRAM]

    def forgetful(job, record):
        time = job.times.of(record) or job.now
        if zlib.crc32(f"{record.fields.meter} {time // 900}".encode()) % 16:
            store(job, record)

    batch.ENTRIES[records.TELEGRAM] = forgetful


def dup() -> None:
    """Fail to recognise a telegram that is in the store, now and then."""
    from cloud_receiver.stores.jobs import common_batch, matching
    common_batch.rows = lambda *_: None
    same_telegram = matching.same_telegram

    def mistaken(candidates, data, time, gateway):
        same = same_telegram(candidates, data, time, gateway)
        return None if same and same.digest % 8 == 0 else same

    matching.same_telegram = mistaken


def wrong() -> None:
    """Decode some totals wrong."""
    import wmbus
    decode = wmbus.decode

    def careless(telegram, *rest, **named):
        reading = decode(telegram, *rest, **named)
        if "total_m3" in reading and zlib.crc32(bytes(telegram)) % 12 == 0:
            reading["total_m3"] += 0.001
        return reading

    wmbus.decode = careless


KINDS = {"drop": drop, "dup": dup, "wrong": wrong}


def main() -> int:
    """Plant the faults named first, then be the `netti` command."""
    from .. import cli
    for name in sys.argv[1].split(","):
        KINDS[name]()
    return cli.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
