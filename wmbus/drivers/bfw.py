"""BFW 240 radio heat cost allocators: no records, but a fixed layout of two totals and eighteen monthly values.

telegram 3644d7087856341202087a2ac000000a0b000001f4002a01020000000000000000000000000000000000000000000a10141e2028150
         624
reading current_hca=42, device_date=2024-06-15, id=12345678, prev_01_hca=40, prev_02_hca=542, prev_03_hca=20,
        prev_04_hca=266, prev_05_hca=0, prev_06_hca=0, prev_07_hca=0, prev_08_hca=0, prev_09_hca=0, prev_10_hca=0,
        prev_11_hca=0, prev_12_hca=0, prev_13_hca=0, prev_14_hca=0, prev_15_hca=0, prev_16_hca=0, prev_17_hca=0,
        prev_18_hca=0, prev_hca=500, status=OK
"""

from ..errors import DecodeError


def _body(layers, reading, words, alarms):
    data = layers.data
    at = layers.at
    if layers.end - at < 40:
        raise DecodeError("payload cut short", layers.end)
    reading["prev_hca"] = data[at + 4] << 8 | data[at + 5]
    reading["current_hca"] = data[at + 6] << 8 | data[at + 7]
    # Nine triplets, the oldest month first: two values of 12 bits, their high nibbles in the middle byte.
    for i in range(9):
        triplet = at + 10 + 3 * i
        middle = data[triplet + 1]
        reading["prev_%02d_hca" % (18 - 2 * i)] = (middle >> 4) << 8 | data[triplet]
        reading["prev_%02d_hca" % (17 - 2 * i)] = (middle & 15) << 8 | data[triplet + 2]
    reading["device_date"] = "20%02x-%02x-%02x" % (data[at + 39], data[at + 38], data[at + 37])


METERS = ((None, (0x08,), {"body": _body, "status": ((0xC0, "", None),)}),)
