"""LilyGO T-Embed CC1101: everything is on the board; no pin is free for a HAN port.

Pins: github.com/Xinyuan-LilyGO/T-Embed-CC1101, examples (utilities.h). SET: power of the radio (15), its antenna switch
to 868 MHz (47 low, 48 high), and the other chips on its bus put aside (screen 41, card 13, second radio 44).
"""

NAME = "LilyGO T-Embed CC1101"
CHIP = "esp32s3"
FORM = "slots"
PROVEN = "pin lists"
RADIO = ("cc1101", 1, 11, 9, 10, 12, 3, 38)
SET = ((15, 1), (47, 0), (48, 1), (41, 1), (13, 1), (44, 1))
LED = (14, "rgb")
BUTTON = (6, 0)
BLUETOOTH = "with"
