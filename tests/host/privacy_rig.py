"""What the tests of privacy share: a receiver with two homes, one of which sends its electricity."""

import installed
from receiver_support import DAY, HOUR, NOW, Meter

import firmware.wire.records as records
from cloud_receiver.office.office import Office

OWN, NEIGHBOUR = Meter(12345678, key=bytes(range(16))), Meter(87654321, key=bytes(range(16, 32)))
WH = 3_917_555


class Place:
    """A receiver with two homes: one has opted in to send its electricity, both have a meter bound to them."""

    def __init__(self, running):
        self.receiver = running
        self.a, self.b = running.enrol(name="Fyrveien 3"), running.enrol(name="Fyrveien 5")
        self.office = Office(running.directory)
        for gateway, meter in ((self.a, OWN), (self.b, NEIGHBOUR)):
            self.office.meter_keys.put(meter.text, meter.key, NOW)
            self.office.homes.bind(gateway.id, meter.text, NOW)
            running.through(gateway.telegrams([meter.telegram(4000), meter.telegram(4242)]))
        running.through(self.a.batch([records.han_hour(self.a.next(), NOW, NOW - HOUR, WH, 98_765, False)]))
        self.home_a = "/home/" + self.office.homes.make_link(self.a.id, NOW - DAY)
        self.home_b = "/home/" + self.office.homes.make_link(self.b.id, NOW - DAY)
        running.wait_for(lambda s: s["pending"] == 0)

    def text(self, path):
        answer = self.receiver.web(path, headers={"Accept-Language": "en"})
        assert answer.status == 200, path
        return answer.text.replace("\xa0", "").replace(",", "")


def works_sees_electricity(place):
    """The addresses of the works that show a home's electricity; the homeowner's own page is none of them."""
    ids = {"gateway": place.a.id, "meter": OWN.text}
    shown = {path: place.text(path) for path in installed.addresses(ids)}
    return [path for path, text in shown.items() if "3917" in text or "98765" in text or "kWh" in text]
