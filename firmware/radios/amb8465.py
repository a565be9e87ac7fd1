"""Radio `amb8465`: the AMB8465-M USB stick and its modules AMB8425-M to AMB8626-M (Metis) by Amber Wireless, now Würth
Elektronik, T1 and C1 at once (mode 09, T2 and C2 "other", until it restarts). RSSI: half a dB a step from -74 dBm.

PROVEN: public log (github.com/wmbusmeters/wmbusmeters, issues 26, 440, 933): memory, mode, telegrams; the rest: manual.
"""

from ._amber import Amber


class Radio(Amber):
    """Turns the module's commands into telegrams, and tells it what to hear."""

    NAME = "amb8465"
    LINE = "9600:8N1"
    MODE = 0x09
    CHECK = 6  # the mode again: only that is lost when it restarts
