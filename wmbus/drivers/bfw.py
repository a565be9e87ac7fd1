"""BFW 240 radio heat cost allocators: no records, but a fixed layout of two totals and eighteen monthly values."""

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
