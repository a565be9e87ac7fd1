"""The store's contract. `sqlite` is the default; another store is another module with the same `Store`.

Writes are coroutines that return once what they did is durable: whoever awaits may answer. Each runs in one
transaction, alone or in a group with others. Reads see committed data only.

    store_batch(gateway, head, digest, content, now) -> TakeResult      a verified batch, its records a content.Content
    enrol(public_key, kind, name, now) -> int               the gateway's row, new or there already
    pending(limit) -> [(id, meter row, meter text, time, data)]   telegrams the decoder has not tried, oldest first
    settle([Settled], now)                                  what became of them
    reopen([meter text], states)                            try their telegrams again
    read(query, *args) -> rows                              a function of cloud_receiver.stores.queries

`open_store("sqlite:///path")` finds the module by the scheme's name.
"""

import importlib
from collections import namedtuple

# In a statement: the whole numbers, or the texts, of a parameter that is a JSON list.
NUMBERS = "(SELECT value FROM json_each(?))"
TEXTS = "(SELECT value FROM json_each(?) AS texts)"
PAIRS = "(SELECT json_extract(value, '$[0]') AS a, json_extract(value, '$[1]') AS b FROM json_each(?))"  # of numbers

# What became of a telegram. PENDING: not tried; NO_KEY and WRONG_KEY are tried again when a key arrives.
PENDING, DECODED, NO_KEY, WRONG_KEY, UNDECODABLE = range(5)
STATES = ("pending", "decoded", "no_key", "wrong_key", "undecodable")

# through: the seq up to which the gateway may free; conflict: the same range came with other content (nothing stored);
# stored, repeated: how many records were stored, and how many were skipped as stored before; rewind: the mark before,
# where the batch left records out behind it that its gateway has not told lost, else None; results: (counter, code,
# text) of the new results of orders.
TakeResult = namedtuple("TakeResult", ("through", "conflict", "stored", "repeated", "rewind", "results"),
                        defaults=(None, ()))
# state as above; meter: its row in the store; reading: the decoder's flat dict or None; note: why not.
Settled = namedtuple("Settled", ("id", "meter", "time", "state", "reading", "note"))


class Busy(Exception):
    """The store's queue is full: try again shortly."""


class StoreError(Exception):
    """The store could not make something durable (a full disk, an I/O error); nothing of it counts as done."""


def open_store(url: str, writer=None):
    """The store of a URL, opened; `writer` is that of another process. Raises ValueError for an unknown scheme."""
    module, path = _module(url)
    return module.Store(path, writer)


def writer_groups(url: str):
    """What the writer of a URL's store runs, for a process of its own."""
    module, path = _module(url)
    return module.groups(path)


def _module(url):
    scheme, _, path = url.partition("://")
    name = f"{__name__}.{scheme}"
    try:
        if not (scheme.isalnum() and scheme.isascii()):
            raise ValueError(f"no store called {scheme!r}")
        module = importlib.import_module(name)
    except ModuleNotFoundError as e:
        if e.name != name:
            raise
        raise ValueError(f"no store called {scheme!r}") from None
    return module, path
