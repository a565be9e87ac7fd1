"""Reading a receiver's store from a command, while the receiver may be writing it."""

import asyncio
import contextlib

from ..stores import StoreError, open_store


class _NoWriter:
    """A command writes nothing: the store has one writer, the receiver."""

    waiting = 0

    def close(self):
        """Nothing to end."""


@contextlib.contextmanager
def open_reader(directory, settings):
    """`read(query, *args)` over the store of a receiver's directory; raises StoreError where there is none yet."""
    if not settings.store and not directory.store.exists():
        raise StoreError(f"{directory.path} has stored nothing yet; start it: netti receiver serve {directory.path}")
    store = open_store(settings.store_url(directory), _NoWriter())
    try:
        yield lambda query, *args: asyncio.run(store.read(query, *args))
    finally:
        store.close()
