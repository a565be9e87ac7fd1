"""A Raspberry Pi with a CC1101 module on its 40 pins: SPI 0, chip select 0. On Linux pins are GPIO numbers.

Pins: pinout.xyz (SPI0: 7 to 11; UART 14 and 15). SPI is switched on by `dtparam=spi=on`; the serial port for a HAN
adapter by raspi-config, without a login shell on it.
"""

NAME = "Raspberry Pi with CC1101"
CHIP = "linux"
FORM = "slots"
PROVEN = "pin lists"
HAN = ("/dev/serial0", 15, None, False, "mbus")
RADIO = ("cc1101", (0, 0), 11, 10, 9, 8, 25, 24)
