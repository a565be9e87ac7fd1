"""The radios at a chip's UART (fake_machine.py), in their makers' serial setting, with a loop that is away for seconds.

A module has a buffer, a UART has a ring: what came meanwhile is read afterwards. Where even that was too little,
telegrams are lost, but none is wrong, and what comes then is heard.
"""

import radio_ends as ends
import wmbus_cases as cases
from radio_scene import Scene
from radio_soldered import Soldered

from firmware.port.uart import AWAY_MS, ring

EVERY_MS = 80  # 200 meters that send every 16 s
SPOKEN = ("amb3665", "amb8465", "cul", "im871a", "iu880b", "iu891a", "rc1180")


class Street(Soldered):
    """A radio that 200 meters are heard by."""

    def sends(self, count):
        """The street goes on while nobody looks; returns the telegrams."""
        sent = [cases.short(access=i & 255) if i % 3 else cases.mode5(access=i & 255) for i in range(count)]
        for telegram in sent:
            self.line.send(self.end.air(telegram))
            self.chip.advance(EVERY_MS * 1000)
            self.uart._uart.arrive()  # by interrupt
        self.now = self.chip.ms()
        return sent


def test_a_loop_that_is_away_costs_nothing():
    for name in SPOKEN:
        scene = Street(name).settle()
        for _ in range(3):
            sent = scene.sends(AWAY_MS // EVERY_MS)
            scene.heard = []
            scene.idle(3000)
            assert [t for t, _ in scene.heard] == sent, (name, len(scene.heard), len(sent))
        assert scene.radio.rejected == 0 and scene.uart.overruns == 0, name


def test_a_ring_that_ran_over_costs_no_more_than_what_came_then():
    for name in SPOKEN:
        scene = Street(name).settle()
        sent = scene.sends(ring(scene.baud) * 3 // 2 // len(scene.end.air(cases.short())))
        scene.heard = []
        scene.idle(5000)
        heard = [t for t, _ in scene.heard]
        # Of what came over a line without a check (rc1180) a part of two may look like one.
        assert 0 < len(heard) < len(sent) and scene.uart.overruns, name
        assert name == "rc1180" or [t for t in heard if t not in sent] == [], name
        sent = scene.sends(10)
        scene.heard = []
        scene.idle(3000)
        assert [t for t, _ in scene.heard] == sent, (name, len(scene.heard))


def test_every_radio_that_is_spoken_to_is_tried():
    assert [name for name in sorted(ends.ENDS) if Scene(name).spoken] == list(SPOKEN)
