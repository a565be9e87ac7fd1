"""The accelerated loops give what the plain ones give, and both what the standards' check values say."""

from han_reader import accel

DATA = bytes([(i * 37 + i // 7 + (i * i >> 3)) & 255 for i in range(700)])


def test_both_runtimes_have_more_than_the_plain_variant():
    """Without this the comparisons below would compare the plain functions with themselves."""
    for fast, plain in ((accel.x25, accel.x25_plain), (accel.x25_ok, accel.x25_ok_plain), (accel.p1, accel.p1_plain),
                        (accel.text_end, accel.text_end_plain), (accel.ghash, accel.ghash_plain)):
        assert fast is not plain


def test_check_values():
    """The CRC catalogue's check values of 123456789: X-25 906E, ARC BB3D."""
    for x25 in (accel.x25, accel.x25_plain):
        assert x25(b"123456789", 0, 9) == 0x906E
    for p1 in (accel.p1, accel.p1_plain):
        assert p1(b"123456789", 0, 9) == 0xBB3D


def test_variants_agree():
    for data in (DATA, bytearray(DATA)):
        for start, end in ((0, 700), (1, 700), (3, 3), (5, 6), (5, 7), (7, 100), (0, 1), (698, 700), (0, 300)):
            assert accel.x25(data, start, end) == accel.x25_plain(data, start, end)
            assert accel.p1(data, start, end) == accel.p1_plain(data, start, end)
            assert accel.total(data, start, end) == accel.total_plain(data, start, end)
            assert accel.text_end(data, start, end) == accel.text_end_plain(data, start, end)


def test_a_block_with_its_check():
    for n in (0, 1, 9, 300):
        crc = accel.x25_plain(DATA, 0, n)
        block = DATA[:n] + bytes((crc & 255, crc >> 8))
        assert accel.x25_ok(block, 0, n + 2) and accel.x25_ok_plain(block, 0, n + 2)
        bad = DATA[:n] + bytes((crc & 255, crc >> 8 ^ 1))
        assert not accel.x25_ok(bad, 0, n + 2) and not accel.x25_ok_plain(bad, 0, n + 2)


def test_text_end():
    for end in (accel.text_end, accel.text_end_plain):
        assert end(b"1-0:1.7.0(1)\r\n\t~", 0, 16) == 16
        for c in (0, 8, 11, 31, 127, 128, 255):
            assert end(b"ab" + bytes((c,)) + b"cd", 0, 5) == 2


def test_same():
    for same in (accel.same, accel.same_plain):
        assert same(DATA, 5, DATA[5:9], 4) and same(DATA, 5, bytearray(DATA[5:9] + b"x"), 4) and same(DATA, 9, b"", 0)
        assert not same(DATA, 5, DATA[6:10], 4)


def test_copy():
    for copy in (accel.copy, accel.copy_plain, accel.copy_bytes):
        target = bytearray(8)
        copy(target, 2, b"abcdef", 1, 3)
        assert bytes(target) == b"\x00\x00bcd\x00\x00\x00"
        copy(target, 0, target, 2, 3)
        assert bytes(target) == b"bcdcd\x00\x00\x00"
        target = bytearray(600)
        copy(target, 3, DATA, 5, 590)
        copy(target, 0, target, 3, 590)
        assert bytes(target[:590]) == DATA[5:595]


def test_ghash():
    """NIST's GCM test case 2 (McGrew and Viega, appendix B), and the variants against each other."""
    h = bytes.fromhex("66e94bd4ef8a2c3b884cfa59ca342b2e")
    data = bytes.fromhex("0388dace60b6a392f328c2b971b2fe7800000000000000000000000000000080")
    want = bytes.fromhex("f38cbb1ad69223dcc3457ae5b6b0f885")
    assert accel.ghash(accel.ghash_table(h), data) == want
    assert accel.ghash_plain(accel.ghash_table_plain(h), data) == want
    fast, plain = accel.ghash_table(DATA[7:23]), accel.ghash_table_plain(DATA[7:23])
    for n in (0, 16, 48, 496):
        assert accel.ghash(fast, DATA[:n]) == accel.ghash_plain(plain, DATA[:n])
