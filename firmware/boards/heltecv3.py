"""Heltec WiFi LoRa 32 V3: an ESP32-S3 without PSRAM, and an SX1262.

Pins: heltec.org/project/wifi-lora-32-v3, schematic HTIT-WB32LA(F) V3.1 (radio 8 to 14, LED 35, button 0, UART 43 and 44
on the USB bridge).
"""

NAME = "Heltec WiFi LoRa 32 V3"
CHIP = "esp32s3"
FORM = "image"
PROVEN = "pin lists"
HAN = (1, 5, 4, False, "mbus")  # tx: a free pin, for the default one is the radio's
RADIO = ("sx1262", 1, 9, 10, 11, 8, 12, 13, 14)
RADIO_UART = (2, 6, 7)
LED = (35, 1)
BUTTON = (0, 0)
BLUETOOTH = "with"
