"""All that a works keeps beside its readings, opened once: for the receiver's processes and for the commands.

What is told of one file: keys.sqlite has what people decide, access.sqlite (opened when first asked for: a process that
takes batches has no business in it) who they are.
"""

import functools

from .accounts import Accounts
from .allowances import Allowances
from .decisions import Decisions
from .directory import Directory, Settings
from .disk import Disk
from .enrolled import Enrolled
from .erasures import Erasures
from .homes import Homes
from .keyfile import KeyFile
from .meter_keys import MeterKeys
from .orders import Orders
from .quarantines import Quarantines
from .releases import Releases


class Office:
    """A works' settings, keys, gateways, homes, orders, releases, accounts; belongs to one thread."""

    def __init__(self, directory: Directory, settings: "Settings | None" = None, signs: bool = False):
        """`settings`: as loaded already; `signs`: whether orders are signed here, which takes the works' command key.
        Raises SettingsError, sqlite3.Error."""
        self.directory = directory
        self.settings = directory.load() if settings is None else settings
        self.disk = Disk(directory.path)
        self.file = KeyFile(directory.keys)
        self._stamp = self.file.stamp()  # before anything is read, so that no change falls in between
        self.meter_keys = MeterKeys(self.file)
        self.enrolled = Enrolled(self.file)
        self.allowances = Allowances(self.file)
        self.homes = Homes(self.file)
        self.erasures = Erasures(self.file, self.homes, self.enrolled)
        self.decisions = Decisions(self.file)
        self.quarantines = Quarantines(self.file)
        self.orders = Orders(self.file, self.meter_keys, self.homes, self.settings.works,
                             directory.ca if signs else None)
        self.releases = Releases(self.file, directory.releases, lambda: self.settings.url, self.orders)

    @functools.cached_property
    def accounts(self) -> Accounts:
        """The accounts, their sessions and tokens, the audit log."""
        return Accounts(self.directory.access, self.file)

    def reload_if_changed(self) -> bool:
        """Take up what another object or process has changed in keys.sqlite; whether there was anything. Raises
        sqlite3.Error."""
        stamp = self.file.stamp()
        if stamp == self._stamp:
            return False
        self.enrolled.refresh()
        self.allowances.refresh()
        self.orders.refresh()
        self.releases.refresh()
        self._stamp = stamp
        return True

    def close(self) -> None:
        """Close the files."""
        if "accounts" in self.__dict__:
            self.accounts.close()
        self.file.close()

    def __enter__(self) -> "Office":
        return self

    def __exit__(self, *exc) -> None:
        self.close()
