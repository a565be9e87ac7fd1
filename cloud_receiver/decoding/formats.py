"""The formats of compact frames that full frames taught, each its own meter's, in a file (formats.json), so that a
restart forgets none.

A meter with a key learns from what opened under it, one without from its own telegrams alone, which anybody can send:
so the two are apart, and no flood of invented meters reaches what those with keys have learnt. Both are bounded. Where
there are too many meters, those go first that never sent a compact frame; what they learnt comes again with their next
full frame.
"""

import json
import logging
import os
from collections import OrderedDict
from pathlib import Path

from wmbus import accel

log = logging.getLogger("netti.decode")

MOST_KEYED = 10_000  # meters with a key whose formats are kept, some 150 bytes of memory and 100 of the file each
MOST_PLAIN = 1_000  # and of those without


class Formats(dict):
    """The formats of one meter, by their signature; and which ones its compact frames asked for in vain."""

    def __init__(self, *args):
        super().__init__(*args)
        self.asked = False  # by a compact frame, for one that no driver ships
        self.missing: "set[int]" = set()

    def get(self, signature, default=None):
        """As a dict's."""
        self.asked = True
        heads = super().get(signature, default)
        if heads is None and len(self.missing) < accel.FORMATS:
            self.missing.add(signature)
        return heads


class Pool:
    """The formats of some meters, of `most` at most."""

    def __init__(self, most: int):
        self.most = most
        self.asked: "OrderedDict[str, Formats]" = OrderedDict()  # the meters that send compact frames
        self.others: "OrderedDict[str, Formats]" = OrderedDict()

    def __len__(self):
        return len(self.asked) + len(self.others)

    def get(self, meter: str) -> "Formats | None":
        """What a meter has learnt, or None."""
        found = self.asked.get(meter)
        return self.others.get(meter) if found is None else found

    def put(self, meter: str, formats: Formats) -> bool:
        """Keep a meter's; False where another's went for it."""
        if formats.asked:
            self.others.pop(meter, None)
            self.asked[meter] = formats
            self.asked.move_to_end(meter)
        else:
            self.others[meter] = formats
        full = len(self) > self.most
        if full:
            (self.others or self.asked).popitem(last=False)
        return not full

    def drop(self, meter: str) -> None:
        """Forget a meter's."""
        self.asked.pop(meter, None)
        self.others.pop(meter, None)

    def items(self):
        """(meter, formats) of all, those that send compact frames last."""
        return [*self.others.items(), *self.asked.items()]


class Learnt:
    """What all meters have learnt; for one thread."""

    def __init__(self, path: Path):
        self._path = path
        self._pools = {True: Pool(MOST_KEYED), False: Pool(MOST_PLAIN)}
        self._changed = False
        self._came: "set[str]" = set()  # meters that learnt what a compact frame had asked for
        for meter, keyed, signature, heads in _read(path):
            pool = self._pools[keyed]
            its = pool.get(meter) or Formats()
            its[signature] = heads
            pool.put(meter, its)

    def of(self, meter: str, keyed: bool) -> Formats:
        """A meter's formats, for `wmbus.decode`; `keyed`: whether it has a key. `note` keeps what they become."""
        if keyed and self._pools[False].get(meter) is not None:
            self._pools[False].drop(meter)  # what it was heard to send without one proves nothing now
        found = self._pools[keyed].get(meter)
        return Formats() if found is None else found

    def note(self, meter: str, keyed: bool, formats: Formats, before: "frozenset[int]") -> None:
        """A telegram of a meter was decoded with its formats, which had these signatures before."""
        learnt = formats.keys() - before
        pool = self._pools[keyed]
        if not learnt and (not formats.asked or meter in pool.asked):
            return
        if learnt & formats.missing:
            formats.missing -= learnt
            self._came.add(meter)
        room = pool.put(meter, formats)
        # With more meters than are kept each full frame teaches again: that alone is no reason to write the file.
        self._changed = self._changed or (bool(learnt) and (room or formats.asked))

    def save(self) -> None:
        """Write the file if something was learnt; a disk that can't costs no reading."""
        if not self._changed:
            return
        self._changed = False
        text = json.dumps({meter: [int(keyed), {f"{signature:04x}": heads.hex() for signature, heads in its.items()}]
                           for keyed, pool in self._pools.items() for meter, its in pool.items() if its})
        try:
            fresh = self._path.with_suffix(".new")
            fresh.write_text(text)
            os.replace(fresh, self._path)
        except OSError as e:
            log.error("%s: %s", self._path, e.strerror)

    def came(self) -> "list[str]":
        """The meters whose compact frames can be read since the last call, which could not before."""
        came, self._came = sorted(self._came), set()
        return came


def _read(path):
    """(meter, whether it has a key, signature, DIF and VIF bytes) of each format in the file; what is missing, damaged
    or of an earlier release, which knew no meters, is learnt anew."""
    try:
        return [(str(meter), bool(keyed), int(signature, 16), bytes.fromhex(heads))
                for meter, (keyed, its) in json.loads(path.read_text()).items()
                for signature, heads in list(its.items())[:accel.FORMATS]]
    except (OSError, ValueError, AttributeError, TypeError):
        return []
