"""The household's own meters: the only ones whose keys are in the house and whose telegrams are decoded in it.

A meter with a key is read only from what opens under it: what is in plain, or lacks its MAC, is counted (own_unsealed)
and says nothing. What its compact frames leave out a meter learns from its own full frames alone.
"""

import binascii
import json

import wmbus

from ..thinning import address

SAVE_EVERY_S = 600  # how often a running hour is saved, beside its first value
MESSAGES = 4  # messages in fragments put together at once


class OwnMeters:
    """Decodes the own meters' telegrams and keeps their hourly registers. `meters` is [(meter text, key or None)],
    `aes` makes a cipher, `on_hour(hour, meter text, litres)` takes the register as it stood at the end of an hour,
    `save(bytes)` saves the running hours and the formats of compact frames, and `saved` is what it saved last: a
    restart loses no hour, and reads the first compact frame it hears."""

    def __init__(self, meters, aes, on_hour, count, saved=None, save=None):
        self._make = aes
        self._on_hour = on_hour
        self._count = count
        self._save = save
        self._saved_at = 0
        self._running: "dict[str, tuple[int, int]]" = {}  # meter text -> (hour, litres)
        self._formats: "dict[str, dict[int, bytes]]" = {}  # meter text -> its compact frames', as wmbus.decode learns
        self.set_meters(meters)
        self._restore(saved)

    def _restore(self, saved):
        keyed = {text: int(key is not None) for text, key in self._meters.values()}
        try:
            rows, formats = json.loads(saved) if saved else ([], [])
            for text, hour, litres in rows:
                if text in keyed:
                    self._running[text] = (int(hour), int(litres))
            for row in formats:
                # Rows of two are an earlier release's, and nobody's own. What a meter was heard to send before it had a
                # key proves nothing.
                if len(row) == 4 and keyed.get(row[0]) == row[3]:
                    self._formats_of(row[0])[int(row[1])] = binascii.unhexlify(row[2])
        except (ValueError, TypeError):
            self._running = {}  # damaged: the hour begins again, the formats come with the next full frames
            self._formats = {}

    def save(self):
        """Save the running hours and the formats."""
        if self._save is not None:
            rows = [[t, self._running[t][0], self._running[t][1]] for t in self._running]
            formats = []
            for text, key in self._meters.values():
                its = self._formats.get(text, {})
                formats += [[text, s, binascii.hexlify(its[s]).decode(), int(key is not None)] for s in its]
            self._save(json.dumps([rows, formats]).encode())

    def set_meters(self, meters):
        """Use these meters from now on; the ciphers of others are dropped."""
        self._ciphers = {}
        self._meters = {address(wmbus.parse_meter(text)): (text, key) for text, key in meters}
        self._running = {}
        self._formats = {}
        self._assembler = None  # of fragments, once a meter sends some

    def count(self):
        """How many meters are configured."""
        return len(self._meters)

    def texts(self):
        """Their names."""
        return sorted([text for text, _key in self._meters.values()])

    def is_own(self, meter):
        """Whether these 8 address bytes are an own meter's."""
        return meter in self._meters

    def _cipher(self, key):
        if key not in self._ciphers:
            self._ciphers[key] = self._make(key)
        return self._ciphers[key]

    def _formats_of(self, text):
        if text not in self._formats:
            self._formats[text] = {}
        return self._formats[text]

    def decode_own(self, meter, telegram, unix):
        """Decode an own meter's telegram, heard at a Unix time (None: not known); returns the reading or None."""
        text, key = self._meters[meter]
        formats = self._formats_of(text)
        before = sorted(formats)
        try:
            reading = self._decode(telegram, key, formats)
        except ValueError as e:
            self._count("own_unsealed" if isinstance(e, wmbus.Unsealed) else "own_errors")
            return None
        if reading is None:
            return None
        if sorted(formats) != before:
            self.save()
        self._count("own")
        total = reading.get("total_m3")
        if total is not None and unix is not None:
            self.tick(unix)
            first = text not in self._running
            self._running[text] = (unix - unix % 3600, int(total * 1000 + 0.5))
            if first or not 0 <= unix - self._saved_at < SAVE_EVERY_S:
                self._saved_at = unix
                self.save()
        return reading

    def _decode(self, telegram, key, formats):
        """The reading in a telegram, or None for a fragment whose message goes on."""
        try:
            return wmbus.decode(telegram, key, self._cipher, formats)
        except wmbus.Fragment:
            if self._assembler is None:
                from wmbus.fragments import Assembler
                self._assembler = Assembler(MESSAGES)
            whole = self._assembler.add(telegram)
            return None if whole is None else wmbus.decode(whole, key, self._cipher, formats)

    def tick(self, unix):
        """The clock has gone on: hours that are over go to the history."""
        hour = unix - unix % 3600
        for text in list(self._running):
            if self._running[text][0] < hour:
                began, litres = self._running.pop(text)
                self._on_hour(began, text, litres)
