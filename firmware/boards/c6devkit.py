"""ESP32-C6-DevKitC-1 with a CC1101 module.

Pins of the board: docs.espressif.com, ESP32-C6-DevKitC-1 v1.2 user guide (RGB LED 8, boot button 9, UART 16 and 17).
"""

NAME = "ESP32-C6-DevKitC-1 with CC1101"
CHIP = "esp32c6"
FORM = "image"
PROVEN = "pin lists"
HAN = (1, 21, None, False, "mbus")
RADIO = ("cc1101", 1, 6, 7, 2, 18, 19, 20)
LED = (8, "rgb")
BUTTON = (9, 0)
BLUETOOTH = "apart"
