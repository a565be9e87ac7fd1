"""Telegrams and HAN messages built here byte by byte from the standards, for the tests of the command line.

Small and slow on purpose: nothing is shared with the codecs or with the simulator's encoders.
"""

import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

KEY = bytes(range(16))
RECORDS = bytes.fromhex("0413 40E20100 4413 F2CC0100 426C 5F3A 025A 4000 023B 0C00".replace(" ", ""))


def crc(data, poly, start, xorout, reflected):
    """Any 16-bit CRC, bit by bit."""
    value = start
    for byte in data:
        for i in range(8):
            bit = byte >> i & 1 if reflected else byte >> (7 - i) & 1
            if reflected:
                value = value >> 1 ^ (poly if (value ^ bit) & 1 else 0)
            else:
                value = (value << 1 ^ (poly if (value >> 15 ^ bit) & 1 else 0)) & 0xFFFF
    return value ^ xorout


# --- wM-Bus (EN 13757-3, -4, -7) ------------------------------------------------------------------------------------

def address(maker="NET", number="12345678", version=1, medium=7):
    """M, ID, version and type as a telegram has them."""
    code = 0
    for c in maker:
        code = code << 5 | ord(c) - 64
    return struct.pack("<H", code) + bytes.fromhex(number)[::-1] + bytes((version, medium))


def telegram(key=None, records=RECORDS, access_number=42, status=0, **meter):
    """A telegram with the short transport header, in security mode 5 when a key is given."""
    who = address(**meter)
    if key:
        blocks = -(-(len(records) + 2) // 16)
        plain = (b"\x2f\x2f" + records).ljust(16 * blocks, b"\x2f")
        cipher = Cipher(algorithms.AES(key), modes.CBC(who + bytes([access_number]) * 8)).encryptor()
        records, configuration = cipher.update(plain) + cipher.finalize(), 0x0500 | blocks << 4
    else:
        configuration = 0
    body = b"\x44" + who + bytes((0x7A, access_number, status)) + struct.pack("<H", configuration) + records
    return bytes((len(body),)) + body


def format_a(data):
    """The telegram as frame format A: a CRC behind the first 10 bytes and behind every 16 that follow."""
    blocks = [data[:10]] + [data[i:i + 16] for i in range(10, len(data), 16)]
    return b"".join(b + struct.pack(">H", crc(b, 0x3D65, 0, 0xFFFF, False)) for b in blocks)


def on_air(data):
    """Mode C1, format A, from the sync word on."""
    return b"\x54\x3d\x54\xcd" + format_a(data)


# --- HAN (ISO/IEC 13239, IEC 62056-5-3; IEC 62056-21 and DSMR 5) ----------------------------------------------------

def x25(data):
    """The HDLC check sequence, low byte first."""
    return struct.pack("<H", crc(data, 0x8408, 0xFFFF, 0xFFFF, True))


def hdlc(apdu):
    """An unsegmented HDLC frame type 3 with LLC around an APDU, addressed as Kaifa's Norwegian meters do."""
    head = struct.pack(">H", 0xA000 | 2 + 4 + 2 + 3 + len(apdu) + 2) + bytes.fromhex("0102 0110".replace(" ", ""))
    body = head + x25(head) + b"\xe6\xe7\x00" + apdu
    return b"\x7e" + body + x25(body) + b"\x7e"


def kaifa_list_1(watt=1234):
    """A Norwegian Kaifa list 1: one number, active import in W."""
    time = bytes.fromhex("07EA0B18020A1E0AFF800000")
    return hdlc(b"\x0f\x40\x00\x00\x00\x09\x0c" + time + b"\x02\x01\x06" + struct.pack(">I", watt))


def p1(second=0, kwh=1234.567, watt=250):
    """A DSMR 5 telegram of a meter of nobody's."""
    text = ("/NET5\\OWN-1\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(2611241030%02dW)\r\n"
            "0-0:96.1.1(4E45545449)\r\n1-0:1.8.1(%010.3f*kWh)\r\n1-0:1.8.2(000000.000*kWh)\r\n"
            "1-0:1.7.0(%06.3f*kW)\r\n1-0:2.7.0(00.000*kW)\r\n1-0:32.7.0(230.1*V)\r\n!")
    text = (text % (second, kwh, watt / 1000)).encode()
    return text + b"%04X\r\n" % crc(text, 0xA001, 0, 0, True)
