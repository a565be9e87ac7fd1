"""A receiver's directory, opened for a command: settings, key store, orders, accounts; who runs the command.

What a command's user can mend (a directory that is none, a store that does not answer) becomes a CommandError here.
"""

import contextlib
import getpass
import re
import sqlite3
from pathlib import Path
from typing import Iterator, NamedTuple

from cloud_receiver.office.accounts import Accounts
from cloud_receiver.office.directory import Directory, Settings, SettingsError
from cloud_receiver.office.keys import KeyStore
from cloud_receiver.office.orders import OrderRefused, Orders
from cloud_receiver.office.releases import ReleaseRefused
from cloud_receiver.office.roles import Who
from cloud_receiver.stores import StoreError

from .errors import CommandError


class Office(NamedTuple):
    """What a works keeps beside its readings; `gateways` are the ids of the enrolled ones."""

    directory: Directory
    settings: Settings
    keys: KeyStore
    orders: Orders
    gateways: "list[str]"

    def enrolled(self, text: str) -> str:
        """The id of an enrolled gateway as a person typed it; CommandError for any other."""
        gateway = gateway_id(text)
        if gateway not in self.gateways:
            raise CommandError(f"no gateway {gateway} is enrolled")
        return gateway


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


@contextlib.contextmanager
def open_office(folder: Path) -> Iterator[Office]:
    """The office of a receiver's directory; closed at the end."""
    directory = Directory(folder)
    settings = directory.load()
    with contextlib.closing(KeyStore(directory.keys)) as keys:
        yield Office(directory, settings, keys, Orders(keys, settings.works), [row[0] for row in keys.enrolled()])


@contextlib.contextmanager
def open_accounts(directory: Directory) -> Iterator[Accounts]:
    """The accounts of a receiver's directory; closed at the end."""
    with contextlib.closing(KeyStore(directory.keys)) as keys, \
            contextlib.closing(Accounts(directory.access, keys)) as accounts:
        yield accounts


def gateway_id(text: str) -> str:
    """A gateway's id as a person typed it; CommandError for what can be none."""
    gateway = text.strip().upper()
    if not re.fullmatch(r"[A-Z2-7]{16}", gateway):
        raise CommandError(f"{text!r} is no gateway id (16 letters and digits)")
    return gateway


def me() -> Who:
    """Whoever runs a command, as the audit log has it."""
    return Who(getpass.getuser(), "administrator", "command", "", None)
