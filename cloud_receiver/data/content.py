"""The records of one batch as they go from ingest to the store's writer: as bytes, and read only where it must be."""

from . import columns
from . import records as one_by_one
from .records import Record


class Content:
    """The records of a batch: their bytes, the seq range its head announced, and their telegrams where it holds nothing
    else. Goes to the writer's process as bytes, and is read there only where it must."""

    __slots__ = ("data", "first", "last", "opaque", "telegrams")

    def __init__(self, data: bytes, first: int, last: int, opaque: bool = False):
        """`opaque`: none of it is to be understood."""
        self.data, self.first, self.last, self.opaque = data, first, last, opaque
        self.telegrams = None if opaque else columns.read(data, first, last)

    def __reduce__(self):
        return _unread, (self.data, self.first, self.last, self.opaque)

    def count(self) -> int:
        """How many records there are."""
        return len(self.read() if self.telegrams is None else self.telegrams.seqs)

    def read(self) -> "list[Record]":
        """The records; never raises."""
        records = read(self.data, self.first, self.last)
        return one_by_one.as_opaque(records) if self.opaque else records


def _unread(data, first, last, opaque):
    content = Content.__new__(Content)
    content.data, content.first, content.last, content.opaque, content.telegrams = data, first, last, opaque, None
    return content


def read(data: bytes, first: int, last: int) -> "list[Record]":
    """The records of a batch whose head announced seq `first` to `last`, by columns where that can be; never raises."""
    telegrams = columns.read(data, first, last)
    return one_by_one.read(data, first, last) if telegrams is None else columns.records(data, telegrams)
