"""LilyGO T3-S3 with SX1262: an ESP32-S3 with PSRAM; no pin is free for a HAN port but those of its prompt.

Pins: github.com/Xinyuan-LilyGO/LilyGo-LoRa-Series, docs/en/t3_s3_sx1262.
"""

NAME = "LilyGO T3-S3 with SX1262"
CHIP = "esp32s3"
FORM = "slots"
PROVEN = "pin lists"
RADIO = ("sx1262", 1, 5, 6, 3, 7, 8, 34, 33)
LED = (37, 1)
BUTTON = (0, 0)
BLUETOOTH = "with"
