"""A copy of the tree that has lost a feature: its receiver, started as users start it, is asked for every route."""

import contextlib
import shutil
import time

import installed
from access_rig import HOST, PASSWORD, enter
from pages_rig import checked, filled, lead_nowhere
from receiver_support import NOW, Process

from cloud_receiver.office.accounts import Accounts
from cloud_receiver.office.directory import Directory
from cloud_receiver.office.roles import ROLES

FOLDER = "cloud_receiver/features"
# Tests of every copy that are quick. Plugins of others take seconds to load, and these need none.
QUICK = ("tests/host/test_feature.py", "tests/host/test_words.py")
PLAIN = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


class Works:
    """A works with something on every page and with people of every role, to be served by a copy."""

    def __init__(self, folder):
        self._folder = folder
        with filled(folder) as running:
            self.ids, directory = running.ids, running.directory
        self._path = directory.path
        with contextlib.closing(Accounts(directory.access)) as accounts:
            for role in ROLES:
                accounts.put(role, PASSWORD, NOW, role, self.ids["gateway"] if role == "homeowner" else None)
        self._served = 0

    @contextlib.contextmanager
    def served(self, copy, *arguments):
        """A receiver of a copy of the tree, with a works of its own like this."""
        self._served += 1
        path = self._folder / f"served{self._served}" / self._path.name
        shutil.copytree(self._path, path)
        shutil.copy(self._path.with_name(self._path.name + ".kek"), path.parent)
        with open(path.parent / "log", "w", encoding="utf-8") as log, Process(
                Directory(path), "--port", "0", "--processes", "1", "--simulated-clock", f"{time.time():.0f}:{NOW}:1",
                *arguments, netti=copy.netti, stderr=log) as receiver:
            yield receiver
            assert receiver.end() == 0
        text = (path.parent / "log").read_text(encoding="utf-8")
        assert "Traceback" not in text and '"level": "error"' not in text, text


def wrong_here(receiver, ids, gone, role="administrator", cookie=None):
    """What is wrong with the pages and routes of a receiver without a feature: (address, why). `cookie`: of somebody of
    a role who has logged in; without one nobody logs in."""
    headers = {"Accept-Language": "nb"} | ({"Host": HOST, "Cookie": cookie} if cookie else {})
    log_in = cookie is not None

    def ask(address):
        return receiver.web(address, headers=headers)

    wrong, links = [], []
    there = installed.addresses(ids, role, log_in, leave=(gone,), each=1)
    for address in there:
        answer = ask(address)
        if answer.status == 200 and not address.startswith("/v1/"):
            page = checked(answer.text)
            wrong += [(address, why) for why in (*page.wrong, *(f"<{tag}> is open" for tag in page.open))]
            wrong += [(address, f"a form for {form}") for form in page.posts if form not in posts(gone)]
            links += page.links
        elif answer.status != 200 and not (log_in and "hours" in address or "/readings" in address):
            wrong.append((address, answer.status))
    if there and any(not a.startswith("/v1/") for a in there):
        wrong += [(link, "leads nowhere") for link in lead_nowhere(links, ask)]
    for address in installed.nowhere(ids, leave=(gone,)):
        wrong += [(address, "is there")] if ask(address).status not in (403, 404) else []
    own = [several[0].format(**ids) for several in getattr(installed.table(gone), "ADDRESSES", {}).values()]
    for address in own:
        answer = ask(address)
        if answer.status not in (403, 404) and not (address == "/" and answer.status == 303):
            wrong.append((address, "is still there"))
    return wrong


def posts(gone):
    """Where forms can be sent to without a feature."""
    return {path for method, path in installed.told("STATUSES", (gone,)) if method == "POST"}


def wrong_without(copy, works, gone):
    """What is wrong with a copy's receiver that has lost a feature, where nobody logs in."""
    with works.served(copy) as receiver:
        return wrong_here(receiver, works.ids, gone)


def wrong_behind_log_in(copy, works, gone):
    """What is wrong with it where people log in."""
    wrong = []
    with works.served(copy, "--public-name", HOST) as public:
        for role in ("administrator", "homeowner"):
            wrong += wrong_here(public, works.ids, gone, role, enter(public, role, PASSWORD))
    return wrong
