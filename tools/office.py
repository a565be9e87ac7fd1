"""A receiver's office, opened for a command; who runs the command.

What a command's user can mend (a directory that is none, a store that does not answer) becomes a CommandError here.
"""

import contextlib
import getpass
import re
import sqlite3
from pathlib import Path
from typing import Iterator

from cloud_receiver.office.directory import Directory, SettingsError
from cloud_receiver.office.office import Office
from cloud_receiver.office.orders import OrderRefused
from cloud_receiver.office.releases import ReleaseRefused
from cloud_receiver.office.roles import Who
from cloud_receiver.operations import store_reader
from cloud_receiver.stores import StoreError, queries

from .errors import CommandError


@contextlib.contextmanager
def refusals(folder: Path) -> Iterator[None]:
    """Turn what the receiver refuses, and what the system does, into a CommandError; `folder` is named where the
    system names no file. A reader of our output that has gone is none of these."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (SettingsError, StoreError, OrderRefused, ReleaseRefused, sqlite3.Error) as e:
        raise CommandError(str(e)) from None
    except OSError as e:
        raise CommandError(f"{e.filename or folder}: {e.strerror}") from None


def open_office(folder: Path) -> Office:
    """The office of a receiver's directory, to be closed by `with`. Raises SettingsError."""
    return Office(Directory(folder))


def has_stored(office: Office) -> bool:
    """Whether there is a store to read: SQLite's file comes with the receiver's first start."""
    return bool(office.settings.store) or office.directory.store.exists()


def stored_gateways(office: Office) -> "list[dict]":
    """The gateways as the store has them, in the order they were enrolled; none before the receiver's first start."""
    if not has_stored(office):
        return []
    with store_reader.open_reader(office.directory, office.settings) as read:
        return sorted(read(queries.gateways.every), key=lambda g: g["enrolled"])


def enrolled(office: Office, text: str) -> str:
    """The id of an enrolled gateway as a person typed it; CommandError for any other."""
    gateway = gateway_id(text)
    if office.enrolled.get(gateway) is None:
        raise CommandError(f"no gateway {gateway} is enrolled")
    return gateway


def gateway_id(text: str) -> str:
    """A gateway's id as a person typed it; CommandError for what can be none."""
    gateway = text.strip().upper()
    if not re.fullmatch(r"[A-Z2-7]{16}", gateway):
        raise CommandError(f"{text!r} is no gateway id (16 letters and digits)")
    return gateway


def me() -> Who:
    """Whoever runs a command, as the audit log has it."""
    return Who(getpass.getuser(), "administrator", "command", "", None)
