"""ESP32-C3 SuperMini with a CC1101 module: the smallest gateway, an image, on two strips of eight pins.

Pins of the board: microsoft.github.io/devicescript/devices/esp32/esp32c3-supermini (LED 8, boot button 9, UART 20 and
21). The wires to the radio are those of github.com/mdjarv/esphome-multical21, and GDO2 at 10. Left free are 2, 8 and 9,
which the chip reads at reset, and 20 and 21, where its boot messages and its prompt are.
"""

NAME = "ESP32-C3 SuperMini with CC1101"
CHIP = "esp32c3"
FORM = "image"
PROVEN = "pin lists"
HAN = (1, 1, 0, False, "mbus")  # tx: a free pin, for the default one is the radio's
RADIO = ("cc1101", 1, 4, 6, 5, 7, 3, 10)
LED = (8, 0)
BUTTON = (9, 0)
BLUETOOTH = "apart"
