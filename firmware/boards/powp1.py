"""Pow-P1: an ESP32-S2 that lives on the meter's P1 port (RJ12), with a large capacitor; its inverter is on the board.

Pins: github.com/UtilitechAS/amsreader-firmware names them for its boards (facts only). Not yet tried on the board.
"""

NAME = "Pow-P1"
CHIP = "esp32s2"
FORM = "image"
PROVEN = "pin lists"
HAN = (1, 16, None, False, "p1")
LED = (14, 0)  # the green one; the red one is at 13
BUTTON = (0, 0)
BLUETOOTH = None
# The supply of 3.3 V: pin of the converter (of ADC1: the other one is not to be had beside Wi-Fi), and the divider it
# is behind, from the supply to the pin and from the pin to ground, in one unit.
SUPPLY = (10, 33, 22)
LOW_MV = 3100  # the chip gives up at 2.8 V: from here 1 F lasts seconds, and a flush takes a fraction of one
