"""The store's contract. `sqlite` is the default; another store is another module with the same `Store` and `groups`.

A store has one writer and any number of readers. What writes is a job (jobs/), run by the writer in a transaction,
alone or in a group with others; what reads is a query (queries/), run on a read-only connection that sees committed
data only, in one view of the store. `open_store("sqlite:///path")` finds the module by the scheme's name.
Law: imports data, and office for its files; queries know no jobs, and an engine knows them by base alone.
"""

import abc
import importlib
import typing
from collections import namedtuple

# In a statement: the whole numbers, or the texts, of a parameter that is a JSON list.
NUMBERS = "(SELECT value FROM json_each(?))"
TEXTS = "(SELECT value FROM json_each(?) AS texts)"
PAIRS = "(SELECT json_extract(value, '$[0]') AS a, json_extract(value, '$[1]') AS b FROM json_each(?))"  # of numbers

# What became of a telegram. PENDING: not tried; NO_KEY and WRONG_KEY are tried again when a key arrives. UNSEALED: its
# meter has a key, and nothing of it was decrypted or authenticated under that key: anybody may have sent it. It is
# never read, and tried again only when its meter has no key any more. Decoded, but not entered: REPLAYED: sent before;
# HELD: for a person to accept or refuse; REFUSED: by a person; QUARANTINED: sent by a stolen gateway alone.
PENDING, DECODED, NO_KEY, WRONG_KEY, UNDECODABLE, UNSEALED, REPLAYED, HELD, REFUSED, QUARANTINED = range(10)
STATES = ("pending", "decoded", "no_key", "wrong_key", "undecodable", "unsealed", "replayed", "held", "refused",
          "quarantined")
MOST = 500  # rows that a job of keeping looks at

# through: the seq up to which the gateway may free; conflict: the same range came with other content (nothing stored);
# stored, repeated: how many records were stored, and how many were skipped as stored before; rewind: the mark before,
# where the batch left records out behind it that its gateway has not told lost, else None; results: (counter, code,
# text) of the new results of orders; over: the bound (a field of bounds.Bounds) for which nothing was stored, or "".
TakeResult = namedtuple("TakeResult", ("through", "conflict", "stored", "repeated", "rewind", "results", "over"),
                        defaults=(None, (), ""))
# id: the telegram's row; meter: its row; time: Unix seconds; state as above; reading: the decoder's flat dict or None;
# note: why not, or None; fresh: what must rise (wmbus/freshness.py), or None where that is not known.
Settled = namedtuple("Settled", ("id", "meter", "time", "state", "reading", "note", "fresh"), defaults=(None,))


class Busy(Exception):
    """The store's queue is full: try again shortly."""


class StoreError(Exception):
    """The store could not do something (a full disk, an I/O error, a lost database); nothing of it counts as done."""


class Store(abc.ABC):
    """What a store has, and nothing beside it.

    Times are Unix seconds, days Unix days, `now` is the receiver's clock. A row is the store's own number of a gateway,
    a meter or a telegram. A write is durable when what it returns is awaited: whoever awaits may answer. It raises Busy
    at once when too many jobs wait, and StoreError when it could not be made durable; what a job itself raises comes
    through. A read raises StoreError where the store does not answer.
    """

    address: str  # what it was opened by
    warning: str  # what whoever runs this store should know, "" if nothing
    writer: typing.Any  # a writer.Writer or remote.RemoteWriter: submit(job, *args) -> Future, waiting, close()

    @abc.abstractmethod
    def __init__(self, address: str, writer=None) -> None:
        """Open the store of an address (what stands behind `scheme://`), made or migrated at first use; `writer` is
        that of another process, where this one only reads. Raises StoreError, OSError, sqlite3.Error."""

    @abc.abstractmethod
    def close(self) -> None:
        """Finish the writes that wait, then end all connections. Blocks; not to be called while a read goes on."""

    @property
    @abc.abstractmethod
    def waiting(self) -> int:
        """How many jobs wait to be written: what can wait lets them go first."""

    # --- writes

    @abc.abstractmethod
    async def enrol(self, public_key: bytes, kind: str, name: str, now: int) -> int:
        """Make the row of a gateway's key (32 bytes, Ed25519), or bring its kind and its name, unless that is "", up to
        date; its history stays. Returns the row."""

    @abc.abstractmethod
    def store_batch(self, gateway: int, head, digest: bytes, content, now: int,
                    times: int = 1) -> "typing.Awaitable[TakeResult]":
        """Store what is new of a verified batch of a gateway (its row). `head`: an envelope.Head; `digest`: the SHA-256
        of the record bytes; `content`: a content.Content; `times`: how many times its bounds it is given."""

    @abc.abstractmethod
    async def settle(self, settled: "list[Settled]") -> int:
        """Enter what became of telegrams, all or none: their state, the reading in its hour, their meter's latest, its
        alarms. Returns how many there were."""

    @abc.abstractmethod
    async def reopen(self, meters: "list[str]", states: "tuple[int, ...]") -> int:
        """Have the telegrams of these meters that ended in one of these states decoded again; returns how many."""

    @abc.abstractmethod
    async def decide(self, meter: str, act: str, telegram: "int | None", time: "int | None",
                     until: "int | None") -> int:
        """Carry out what a person decided about a meter's readings, an act of office/decisions.py; returns how many it
        entered, refused or has judged again, 0 where there was nothing of it any more."""

    @abc.abstractmethod
    async def forget_home(self, gateway: str, before: int) -> int:
        """Forget the electricity of a gateway's (its id's) home from before a time; returns how many hours that was."""

    @abc.abstractmethod
    async def erase(self, gateway: "str | None", meters: "list[str]", before: int, after: int) -> "int | None":
        """Forget a piece of what a home (its gateway's id, or None) and its meters did before a time, but for one
        reading of each day. `after` is 0, then what the piece before returned; None: that was the last."""

    @abc.abstractmethod
    async def quarantine(self, gateway: str, act: str, since: int, before: int) -> "int | None":
        """Carry out a piece of what was decided (office/quarantines.py) about all that a gateway (its id) sent from a
        time on. `before` is 0, then what the piece before returned; None: that was the last."""

    @abc.abstractmethod
    async def scrub(self, most: int) -> "list[str]":
        """Leave nothing of what `erase` and `forget_home` took out, in free pages, gaps, samples or the log of writes,
        if the store has up to `most` bytes; returns what could not be done, one line each. Nothing is written
        meanwhile; where nothing was taken out nothing is done."""

    @abc.abstractmethod
    async def forget_telegrams(self, before: int, most: int = MOST) -> int:
        """Forget up to `most` each of the oldest raw telegrams and records, of those received before a time; returns
        how many (0: none are left)."""

    @abc.abstractmethod
    async def age(self, day: int, most: int = MOST) -> int:
        """Make daily values of the hourly ones in about `most` of the oldest day rows from before a day; returns how
        many it looked at (0: none are left). What comes late for such a day is aged as it is entered."""

    @abc.abstractmethod
    async def retime(self, now: int, most: int = MOST) -> int:
        """Time a piece of what was too much for the batch that told when it was; returns 0 when nothing is left."""

    @abc.abstractmethod
    async def write_mark(self, name: str, value: int) -> None:
        """Keep a number under a name."""

    # --- reads

    @abc.abstractmethod
    async def read(self, query: "typing.Callable[..., typing.Any]", *args) -> typing.Any:
        """Run `query(db, *args)`, one of queries/, in a thread; returns what it returns."""

    @abc.abstractmethod
    async def pending(self, limit: int) -> "list[tuple[int, int, str, int, bytes]]":
        """Telegrams the decoder has not tried, oldest first: (id, meter row, meter text, time, data)."""


class Connection(typing.Protocol):
    """What a job or a query gets as `db`. Its SQL is one text for every store: `?` or `?1` for a value, RETURNING, ON
    CONFLICT, CASE, CAST AS BLOB, no function but the common ones, and NUMBERS, TEXTS and PAIRS for a list."""

    cache: typing.Any  # a jobs.cache.WriterCache

    def execute(self, sql: str, values: typing.Sequence = ()) -> typing.Any:
        """Run a statement; returns a cursor: fetchone, fetchall, iteration, rowcount, description."""

    def executemany(self, sql: str, rows: typing.Iterable) -> typing.Any:
        """Run a statement for each of many rows of values."""


def open_store(url: str, writer=None) -> Store:
    """The store of a URL, opened; `writer` is that of another process. Raises ValueError for an unknown scheme, and
    what Store raises."""
    module, address = _module(url)
    return module.Store(address, writer)


def writer_groups(url: str):
    """What the writer of a URL's store runs (a writer.Groups), for a process of its own. Raises ValueError."""
    module, address = _module(url)
    return module.groups(address)


def _module(url):
    scheme, _, address = url.partition("://")
    name = f"{__name__}.{scheme}"
    try:
        if not (scheme.isalnum() and scheme.isascii()):
            raise ValueError(f"no store called {scheme!r}")
        module = importlib.import_module(name)
    except ModuleNotFoundError as e:
        if e.name != name:
            raise
        raise ValueError(f"no store called {scheme!r}") from None
    if not hasattr(module, "Store"):
        raise ValueError(f"no store called {scheme!r}")
    return module, address
