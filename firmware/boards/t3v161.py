"""LilyGO T3 (LoRa32) V1.6.1 with SX1276: an ESP32 without PSRAM; no pin is given as free for a HAN port.

Pins: github.com/Xinyuan-LilyGO/LilyGo-LoRa-Series, docs/en/t3_v161_sx1276; DIO0 from its examples (utilities.h).
"""

NAME = "LilyGO T3 V1.6.1 with SX1276"
CHIP = "esp32"
FORM = "image"
PROVEN = "pin lists"
RADIO = ("sx1276", 1, 5, 27, 19, 18, 23, 26, 32)
LED = (25, 1)
BLUETOOTH = "with"
