"""A running gateway's folder: what is written to it and read from it after the start (start.py does the rest)."""

import json

from . import port, version
from .port import files


class Folder:
    """The folder at `path` of the gateway `g`, and what runs rarely enough to be loaded for each use."""

    def __init__(self, path, g=None):
        self.path = path
        self.g = g
        self.works = {}
        self._told = {}  # of the orders: see there

    def saver(self, name):
        """A function that writes bytes to a file."""
        path = self.path + name
        return lambda data: files.write_whole(path, data)

    def save_state(self, state):
        """Save the small persistent state."""
        files.write_whole(self.path + "/state.json", json.dumps(state).encode())

    def save_crash(self, data):
        """Save the note of a crash, or forget it (None)."""
        if data is None:
            files.remove(self.path + "/crash.json")
        else:
            files.write_whole(self.path + "/crash.json", data)

    def save_orders(self, orders):
        """Save what the works ordered."""
        files.write_secret(self.path + "/orders.json", json.dumps(orders).encode())

    def save_works(self, raw, works):
        """Save another enrolment file (`works`: as checked), and the former one until the new one has worked."""
        # The new file first: a cut between the two loses only the way back.
        new, old = self.path + "/works.json", self.path + "/works.old.json"
        former = files.read_whole(new)
        files.write_whole(new, json.dumps(raw).encode())
        if files.read_whole(old) is None:
            files.write_whole(old, former)
        self.works = works

    def forget_former_works(self):
        """The new enrolment file has worked: there is no way back to the former one."""
        files.remove(self.path + "/works.old.json")

    def head(self):
        """What a batch's head says of this gateway: boot, firmware, quality of the clock."""
        g = self.g
        return g.state["boot"], g.config["firmware"] or version.VERSION, g.clock.quality

    def make_own(self, meters):
        """The household's own meters."""
        from .home.own_meters import OwnMeters
        g = self.g
        return OwnMeters(meters, port.aes, g.journal.water_hour, g.count, files.read_whole(self.path + "/own.json"),
                         self.saver("/own.json"))

    def make_orders(self):
        """Who takes the works' orders."""
        from .orders import Orders
        g = self.g
        return Orders(g.identity.kid, self.works, g.clock, g.state, g.save_state, g.values, g, self._told)

    async def execute_orders(self, orders, before):
        """Take an answer's orders, as orders.Orders.execute_all."""
        return await self.make_orders().execute_all(orders, before)


def restored(state):
    """The persistent state with what is missing filled in; whatever is damaged begins anew."""
    good = {"boot": 0, "floor": 0, "counter": 0, "starts": 0, "key": "", "executing": False, "results": [],
            "update": None}
    if isinstance(state, dict):
        for name in ("boot", "floor", "counter", "starts"):
            value = state.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
                good[name] = value
        if isinstance(state.get("key"), str):
            good["key"] = state["key"]
        good["executing"] = state.get("executing") is True
        results = state.get("results")
        if isinstance(results, list) and all(isinstance(r, list) and len(r) == 3 for r in results):
            good["results"] = results
        if isinstance(state.get("update"), list):
            good["update"] = state["update"]
    return good
