"""ESP32-S3-DevKitC-1 (v1.1, with PSRAM) with a CC1101 module, or a UART radio module beside it.

Pins of the board: docs.espressif.com, ESP32-S3-DevKitC-1 v1.1 user guide (RGB LED 38, on v1.0 48; boot button 0; UART
43 and 44; 35 to 37 are the PSRAM's).
"""

NAME = "ESP32-S3-DevKitC-1 with CC1101"
CHIP = "esp32s3"
FORM = "slots"
PROVEN = "pin lists"
HAN = (1, 18, 8, False, "mbus")  # tx: a free pin, for the default one is the radio's
RADIO = ("cc1101", 1, 12, 11, 13, 10, 9, 14)
RADIO_UART = (2, 16, 17)
LED = (38, "rgb")
BUTTON = (0, 0)
BLUETOOTH = "with"
