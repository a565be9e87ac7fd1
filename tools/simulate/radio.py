"""The air between a meter and a gateway: distance, path loss, shadowing, fading, loss and damage.

Path loss is the log-distance model PL = 31 + 10 n log10(d) at 868 MHz plus what walls take: a meter stands in a utility
room, a basement or a pit (12, 20 or 30 dB), a gateway in the fuse cabinet (18 dB) or outdoors. Shadowing (sigma 8 dB)
belongs to a link and stays, fading (sigma 2 dB) to each telegram. A receiver hears half of what comes in at its
sensitivity.
"""

import math
import random

METER_LOSS_DB = ((0.35, 12), (0.50, 20), (0.15, 30))
GATEWAY_LOSS_DB = {"home": 18, "concentrator": 4}
SENSITIVITY_DBM = {"home": -101, "concentrator": -104}
SHADOWING_DB, FADING_DB = 8.0, 2.0
FLOOR_DBM, STRONGEST_DBM = -110, -30


def path_loss(distance_m: float, exponent: float = 3.0) -> float:
    """Loss over a distance, dB."""
    return 31 + 10 * exponent * math.log10(max(1.0, distance_m))


class Link:
    """The path of one meter's telegrams to one gateway's antenna."""

    def __init__(self, rng: random.Random, power_dbm: float, meter_loss_db: float, kind: str, distance_m: float):
        self._rng = rng
        self.mean_dbm = (power_dbm - path_loss(distance_m) - meter_loss_db - GATEWAY_LOSS_DB[kind]
                         + rng.gauss(0, SHADOWING_DB))
        self._sensitivity = SENSITIVITY_DBM[kind]

    def receive(self) -> "int | None":
        """The RSSI at which a telegram arrives, in dBm, or None when it is lost."""
        rssi = self.mean_dbm + self._rng.gauss(0, FADING_DB)
        heard = 1 / (1 + math.exp((self._sensitivity - rssi) / 1.0))
        if self._rng.random() >= heard:
            return None
        return int(min(STRONGEST_DBM, max(FLOOR_DBM, rssi)))


SPAN_BITS = 120


def damage(rng: random.Random, burst: bytes, keep: int = 3) -> bytes:
    """A burst as it arrives with up to three bits wrong, or cut off; the first `keep` bytes stay.

    A damaged burst must never be a good telegram by luck. The CRC of EN 13757-4 sees up to five wrong bits, but only
    within 151 bits, the period of its polynomial: two bits just so far apart in a long block of format B escape it.
    So the wrong ones lie close together.
    """
    if rng.random() < 0.25:
        return burst[:rng.randrange(keep + 2, max(keep + 3, len(burst) - 3))]
    hurt = bytearray(burst)
    first, end = keep * 8, len(burst) * 8 - 8  # not in the last byte, part of which may be the line code's filling
    start = rng.randrange(first, max(first + 1, end - SPAN_BITS))
    for bit in rng.sample(range(start, min(start + SPAN_BITS, end)), rng.randint(1, 3)):
        hurt[bit // 8] ^= 0x80 >> bit % 8
    return bytes(hurt)
