"""A radio and its scripted far end on a line, in a time of their own: what the tests of the radios share.

A chip has no line: its scene makes the radio with the chip's far end and turns its pins, and so has its own `feed`,
`turn` and `air`. It is named in SCENES.
"""

import radio_ends as ends
import wmbus_cases as cases

ONE, TWO, LONG = cases.short(), cases.mode5(), cases.telegram(b"\x78" + b"\x2f" * 180)


def telegrams(heard):
    """What was heard, without the signal strength."""
    return [telegram for telegram, _rssi in heard]


def refused(call, *arguments):
    """The text of the ValueError that a call raises, or ""."""
    try:
        call(*arguments)
    except ValueError as e:
        return str(e)
    return ""


class Scene:
    """A radio and its far end on a line, in a time of their own."""

    def __init__(self, name, end=None, radio=None):
        self.name = name
        self.end = (end or ends.ENDS[name])()
        self.radio = (radio or radio_class(name))()
        self.spoken = hasattr(self.radio, "poll")
        self.now = 0
        self.echo = False
        self.heard = []

    def feed(self, data, size=None):
        """Bytes come over the line, `size` at a time; returns what was heard in them."""
        before = len(self.heard)
        for at in range(0, len(data), size or len(data) or 1):
            self.heard.extend(self.radio.feed(data[at:at + (size or len(data))]))
        return self.heard[before:]

    def held(self):
        """What the radio holds of a frame that is not whole."""
        return self.radio._buffer

    def turn(self, ms=50):
        """The radio's turn to speak, and the answer."""
        if self.spoken:
            out = self.radio.poll(self.now)
            if out:
                self.feed((out if self.echo else b"") + (b"" if self.end.mute else self.end.take(out)))
        self.now += ms

    def idle(self, ms):
        """Time goes by."""
        until = self.now + ms
        while self.now < until:
            self.turn()

    def settle(self):
        """Until the far end is told what to hear; returns the scene."""
        for _ in range(400):
            if self.end.ready:
                break
            self.turn()
        assert self.end.ready, self.name + ": was not told to hear"
        self.idle(500)
        return self

    def pause(self):
        """Nothing comes for a while; of a stream that nobody times, a new connection."""
        if self.spoken:
            self.idle(2000)
        else:
            self.radio.reset()


def radio_class(name):
    """The class of a radio."""
    return __import__("firmware.radios." + name, None, None, ("Radio",)).Radio


SCENES = dict.fromkeys(ends.ENDS, Scene)  # a chip's scene: SCENES["cc1101"] = ...
