"""Radio `amb3665`: the AMB3665-M USB stick and its module AMB3626-M (169 MHz, mode N) by Amber Wireless, now Würth
Elektronik. Which of the channels it hears is the owner's to say, with the maker's program: mode N has no one for all.

PROVEN: nothing: another reader's source speaks to it as to the 868 MHz modules, whose manual this is by; so its RSSI.
"""

from ._amber import Amber


class Radio(Amber):
    """Turns the module's commands into telegrams."""

    NAME = "amb3665"
    LINE = "9600:8N1"
