"""Records of EN 13757-3: codings, dates, storage, tariff, subunit, extensions, each with what it must not become."""

from wmbus_cases import KEY, address, ell, short, telegram

import wmbus
from firmware.port import aes

HEAD = ("manufacturer", "version", "type", "media", "status", "id", "alarms")


def read(records, kind=7):
    """The fields of a telegram with these records, in hex."""
    reading = wmbus.decode(short(bytes.fromhex(records), who=address(kind=kind)))
    return {name: reading[name] for name in reading if name not in HEAD}


def test_integers_of_every_size_with_sign():
    for size, dif, minus in ((1, "01", "ff"), (2, "02", "ffff"), (3, "03", "ffffff"), (4, "04", "ffffffff"),
                             (6, "06", "ff" * 6), (8, "07", "ff" * 8)):
        assert read(dif + "13" + "01" + "00" * (size - 1)) == {"total_m3": 0.001}
        assert read(dif + "13" + minus) == {"total_m3": -0.001}


def test_bcd_of_every_size_with_sign_and_what_is_none():
    for size, dif in ((1, "09"), (2, "0a"), (3, "0b"), (4, "0c"), (6, "0e")):
        assert read(dif + "13" + "12" + "00" * (size - 1)) == {"total_m3": 0.012}
        assert read(dif + "13" + "12" + "00" * (size - 1 and size - 2) + ("f0" if size > 1 else "")) == {
            "total_m3": -0.012 if size > 1 else 0.012}
        assert read(dif + "13" + "1a" + "00" * (size - 1)) == {}  # a letter is no digit


def test_reals():
    assert read("05130000f842") == {"total_m3": 0.124}
    assert read("05130000c07f") == {} and read("0513000080ff") == {}


def test_variable_length():
    assert read("0dfd11" + "03" + "434241") == {"customer": "ABC"}
    assert read("0d13" + "c2" + "3412") == {"total_m3": 1.234}
    assert read("0d13" + "d2" + "3412") == {"total_m3": -1.234}
    assert read("0d13" + "e2" + "ffff") == {"total_m3": -0.001}
    assert read("0d13" + "c0") == {} and read("0d13" + "e0") == {"total_m3": 0.0}


def test_dates_of_every_type():
    assert read("026c" + "df3c") == {"meter_date": "2030-12-31"}
    assert read("426c" + "ff2c") == {"target_date": "2023-12-31"}
    assert read("046d" + "1e0c1d32") == {"meter_datetime": "2024-02-29 12:30"}
    assert read("066d" + "051e0c1d3200") == {"meter_datetime": "2024-02-29 12:30:05"}
    assert read("036d" + "051e0c") == {"meter_datetime": "12:30:05"}


def test_dates_that_are_marked_or_nonsense_are_not_there():
    for records in ("026cffff", "026c0000", "026ce02c", "026cff2d", "026cff20", "046d9e0c1d32", "046d3e1f1d32",
                    "046d3f0c1d32", "046d1e181d32", "046d1e0c0032", "046d1e0c1d30", "066d059e0c1d3200",
                    "066d3d1e0c1d3200", "066d051e1f1d3200", "036d3d1e0c", "036d051e1f"):
        assert read(records) == {}, records


def test_storage_tariff_and_subunit():
    assert read("441301000000") == {"target_m3": 0.001}
    assert read("84011301000000") == {"history_2_m3": 0.001}
    assert read("c4011301000000") == {"history_3_m3": 0.001}
    assert read("8480011301000000") == {"history_32_m3": 0.001}
    assert read("84101301000000") == {"total_tariff_1_m3": 0.001}
    assert read("8490101301000000") == {"total_tariff_5_m3": 0.001}
    assert read("84401301000000") == {"total_subunit1_m3": 0.001}
    assert read("8480401301000000") == {"total_subunit2_m3": 0.001}
    assert read("c4f0401301000000", kind=4) == {"target_volume_tariff_3_subunit3_m3": 0.001}


def test_functions():
    assert read("143b01000000") == {"max_flow_m3h": 0.001} and read("243b01000000") == {"min_flow_m3h": 0.001}
    assert read("341301000000") == {"total_at_error_m3": 0.001}
    assert read("543b01000000") == {"target_max_volume_flow_m3h": 0.001}


def test_units_are_those_of_a_household():
    for records, kind, expected in (
            ("0405d2040000", 4, {"total_energy_consumption_kwh": 123.4}),
            ("040e01000000", 4, {"total_energy_consumption_kwh": 1000000 / 3600000}),
            ("04fb0001000000", 4, {"total_energy_consumption_kwh": 100}),
            ("042b01000000", 4, {"power_kw": 0.001}), ("042b01000000", 2, {"current_power_consumption_kw": 0.001}),
            ("04ab3c01000000", 2, {"current_power_production_kw": 0.001}),
            ("046e07000000", 8, {"current_consumption_hca": 7}),
            ("446e07000000", 8, {"consumption_at_set_date_hca": 7}),
            ("84016e07000000", 8, {"consumption_at_set_date_2_hca": 7}),
            ("025b0900", 7, {"flow_temperature_c": 9}), ("02650900", 0x1B, {"temperature_c": 0.09}),
            ("02650900", 7, {"external_temperature_c": 0.09}), ("02fb1ab601", 0x1B, {"relative_humidity_rh": 43.8}),
            ("02fd48ce08", 2, {"voltage_v": 225.4}), ("02fd46e40c", 7, {"battery_v": 3.3}),
            ("02fdc8fc01ce08", 2, {"voltage_at_phase_1_v": 225.4}), ("02fd590100", 2, {"current_a": 0.001}),
            ("02fb2ef401", 2, {"frequency_hz": 50.0}), ("0413e8030000", 3, {"total_m3": 1.0}),
            ("04933c05000000", 7, {"total_backward_m3": 0.005}), ("04933b05000000", 7, {"total_forward_m3": 0.005}),
            ("02fd74da05", 7, {"remaining_battery_life_y": 1498 * 400 / 146097}),
            ("016807", 0x18, {"pressure_bar": 0.007})):
        values = read(records, kind)
        assert list(values) == list(expected), (records, values)
        for name in expected:
            assert abs(values[name] - expected[name]) < 1e-9, (records, values)


def test_plain_text_vif_makers_vif_and_combinable_vife():
    assert read("017c03434241" + "07") == {"text_abc": 7}
    assert read("02ff200100") == {"mfct_ff20": 1} and read("047f01000000") == {"mfct_7f": 1}
    assert read("04937f01000000") == {"total_mfct_m3": 0.001}  # no longer what the VIF says, so not its name
    assert read("0493ff0101000000") == {"total_mfct_01_m3": 0.001}
    assert read("029374" + "0100") == {"total_m3": 0.00001}  # times 10^-2
    assert read("02937d" + "0100") == {"total_m3": 1.0}  # times 1000
    assert read("0293220100") == {"total_per_hour_m3": 0.001}


def test_what_is_not_of_the_standard_is_named_by_its_bytes():
    assert read("01ef0107") == {"vif_ef01": 7} and read("02fd7f0100") == {"vif_fd7f": "0001"}


def test_error_flags_of_an_unknown_meter_are_its_status():
    for vif in ("fd17", "fd971c", "fd971d"):
        for flags, status in (("0000", "OK"), ("0180", "ERROR_FLAGS_8001")):
            reading = wmbus.decode(short(bytes.fromhex("041339300000" + "02" + vif + flags)))
            assert reading["status"] == status and reading["total_m3"] == 12.345
            assert sorted(reading) == sorted(HEAD + ("total_m3",))


def test_a_maker_s_rest_and_fillers_end_no_reading():
    assert read("2f2f041339300000" + "0f0102030405") == {"total_m3": 12.345}
    assert read("041339300000" + "1f0102") == {"total_m3": 12.345}
    assert read("041339300000" + "2f2f2f") == {"total_m3": 12.345}


def test_extended_link_layers_with_a_second_address():
    records = bytes.fromhex("041339300000")
    second = address("ABC", "87654321")
    plain = telegram(b"\x8e\x20\x01" + second + b"\x7a\x2a\0\0\0" + records)
    assert wmbus.decode(plain)["total_m3"] == 12.345 and wmbus.decode(plain)["id"] == "12345678"
    sealed = ell(b"\x78" + records)
    sealed = telegram(b"\x8f" + sealed[11:13] + second + sealed[13:], address())
    assert wmbus.decode(sealed, KEY, aes)["total_m3"] == 12.345
    assert wmbus.summary(sealed).ci == 0x8F and wmbus.summary(sealed).encrypted


def test_long_binary_numbers():
    """LVAR F0 to F6: 16 to 64 bytes."""
    for code, size in (("f0", 16), ("f1", 20), ("f4", 32), ("f5", 48), ("f6", 64)):
        assert read("0d13" + code + "01" + "00" * (size - 1)) == {"total_m3": 0.001}, code
        assert read("0d13" + code + "ff" * size) == {"total_m3": -0.001}, code


def test_identifications_keep_their_zeros_and_letters():
    assert read("0c78" + "78563412") == {"fabrication_no": "12345678"}
    assert read("0c78" + "78560000") == {"fabrication_no": "00005678"}
    assert read("0e78" + "907856341200") == {"fabrication_no": "001234567890"}
    assert read("03fd0c" + "434241") == {"model_version": "ABC"}
    assert read("03fd0c" + "010203") == {"model_version": "030201"}


def test_flows_both_ways_and_averages():
    assert read("02bb12" + "7800") == {"average_volume_flow_m3h": 0.12}
    assert read("02bb3b" + "7800") == {"volume_flow_forward_m3h": 0.12}
    assert read("02bb3c" + "7800") == {"volume_flow_backward_m3h": 0.12}


def test_dates_of_errors_and_of_limits():
    assert read("326c" + "ff2c") == {"error_date": "2023-12-31"}
    assert read("346d" + "1e0c1d32") == {"meter_datetime_at_error": "2024-02-29 12:30"}
    assert read("02934a" + "ff2c") == {"volume_upper_limit_first_begin_datetime": "2023-12-31"}


def test_a_profile_of_month_ends():
    """Compact profiles of two-byte values: newest first before the date (VIFE 13), oldest first behind it (1E)."""
    date = "426cff2c"  # 2023-12-31
    head = {"target_date": "2023-12-31"}
    for vife, values, days in (("13", "e803d007", ("2023-11-30", "2023-10-31")),
                               ("1e", "d007e803", ("2024-02-29", "2024-01-31"))):
        wanted = dict(head, target_1_m3=1.0, target_1_date=days[0], target_2_m3=2.0, target_2_date=days[1])
        assert read(date + "4d93" + vife + "06" + "32fe" + values) == wanted, vife
    # Binary: 8000 is no value, the sign counts. BCD: a letter is no digit.
    assert read(date + "4d93130832fe" + "0080" + "ffff" + "e803") == dict(
        head, target_2_m3=-0.001, target_2_date="2023-10-31", target_3_m3=1.0, target_3_date="2023-09-30")
    assert read(date + "4d9313063afe" + "3412" + "0a00") == dict(
        head, target_1_m3=1.234, target_1_date="2023-11-30")
    # Without a date, without a month's spacing, or with a date that is none, values have no days.
    for records in ("4d93130632fe" + "e803d007", date + "4d931306" + "22fe" + "e803d007",
                    "426cffff" + "4d93130632fe" + "e803d007"):
        profile = read(records)
        profile.pop("target_date", None)
        assert profile == {"target_1_m3": 1.0, "target_2_m3": 2.0}, records
    assert read(date + "4d93130430fe" + "e803") == head  # values of no size


def test_records_that_never_end_say_nothing():
    """Ten DIFE or VIFE are the most; what stands in front of such a record is read."""
    for tail in ("84" + "80" * 11 + "0013" + "01000000", "0493" + "ff" * 12 + "00" + "01000000", "017c20414243", "7f01",
                 "0413010000"):
        assert read("041339300000" + tail) == {"total_m3": 12.345}, tail


def test_a_vif_that_announces_an_extension_and_has_none():
    assert read("027d" + "0100") == {"vif_7d": "0001"}
