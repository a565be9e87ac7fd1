"""A receiver with a bit of everything, for the tests of its pages."""

import contextlib
import html.parser
import re

from receiver_support import DAY, HOUR, NOW, Meter, Running, make

import firmware.wire.records as records
from cloud_receiver.office.office import Office
from firmware.wire import cbor

METER, OPEN, WRONG = Meter(12345678), Meter(20000001, key=bytes(16)), Meter(20000002, key=b"\x01" * 16)


@contextlib.contextmanager
def filled(folder):
    """A receiver in a folder, with a bit of everything."""
    WRONG.key = b"\x01" * 16  # it sends with another key than is put in below
    with Running(make(folder / "works")) as running:
        g = running.enrol(name="Fyrveien 3 <b>")
        running.enrol(kind="concentrator")
        running.through(g.batch([records.telegram(g.next(), NOW - n * HOUR, -70, METER.telegram(1_234_500 - 20 * n))
                                 for n in range(80)]))
        running.through(g.telegrams([OPEN.telegram(1), WRONG.telegram(1)], time=NOW - 2 * DAY))
        running.through(g.telegrams([METER.telegram(1_234_500, status=4)], time=NOW))
        WRONG.key = bytes(16)
        running.put_key(WRONG)
        body = [records.event(g.next(), NOW, "supply", "low <script>"), records.lost(g.next(), NOW, 1, 9, 9),
                b"\x83\x18\x63" + cbor.encode(g.next()) + b"\x00"]
        running.through(g.batch(body))
        running.send(g.batch([records.event(g.seq, NOW, "x", "y")]))
        running.send(g.batch([records.event(g.seq, NOW, "x", "z")], first=g.seq, last=g.seq))
        g.seq += 5
        running.through(g.batch([records.event(g.next(), NOW, "x", "y")]))
        running.gateway = g
        running.through(g.batch([records.han_hour(g.next(), NOW, NOW - n * HOUR, 1500, 20, False)
                                 for n in range(1, 50)]))
        office = Office(running.directory)
        office.homes.bind(g.id, METER.text, NOW)
        running.home = "/home/" + office.homes.make_link(g.id, NOW - 20 * DAY)
        office.close()
        running.run(_commanded(running))
        running.wait_for(lambda s: s["pending"] == 0 and s["wrong_key"] == 1)
        running.ids = {"meter": METER.text, "locked": OPEN.text, "wrong": WRONG.text, "gateway": g.id,
                       "secret": running.home.removeprefix("/home/")}
        yield running


async def _commanded(running):
    for name, arguments in (("interval", {"seconds": 60}), ("close-valve", {})):
        running.receiver.office.orders.make(running.gateway.id, name, arguments, NOW)


class Checker(html.parser.HTMLParser):
    """Every element that must be closed is, in order; ids are unique; no inline style or script."""

    VOID = ("meta", "link", "input", "path", "rect")

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.headings, self.wrong, self.links, self.posts = [], set(), [], [], [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in self.VOID:
            self.open.append(tag)
        if "id" in attributes:
            self.wrong += ["double id"] if attributes["id"] in self.ids else []
            self.ids.add(attributes["id"])
        if "style" in attributes or tag in ("script", "style") or any(a.startswith("on") for a in attributes):
            self.wrong.append(f"inline {tag}")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        posts = attributes.get("method") == "post"
        self.posts += [attributes["action"]] if posts else []
        self.links += [attributes[a] for a in ("href", "src", "action") if a in attributes and not posts]

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> out of place")


def checked(text):
    """A page's Checker."""
    checker = Checker()
    checker.feed(text)
    return checker


def lead_nowhere(links, ask):
    """Those of a page's links at which there is nothing; ask(address) answers as a receiver does. What an app on the
    reader's device opens is not asked for."""
    broken = []
    for link in sorted({link.split("#")[0] for link in links if not link.startswith("otpauth://")} - {""}):
        answer = ask(link)
        if answer.status == 303:  # where there is no overview, the start of the menu
            answer = ask(answer.headers["Location"])
        broken += [] if answer.status == 200 else [link]
    return broken
