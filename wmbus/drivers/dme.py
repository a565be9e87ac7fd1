"""Diehl Metering: Hydrus water meters, Sharky heat meters, Aerius gas meters, IZAR radio modules (PRIOS).

telegram 2a44a5117856341270077a2a0000000c13452301000b3b2001004c1300000100426cff2ccc201300000100
reading at_date=2023-12-31, flow_m3h=0.12, id=12345678, status=OK, target_date=2023-12-31, target_m3=10.0,
        total_at_date_m3=10.0, total_m3=12.345, total_tariff2_at_date_m3=10.0, volume_flow_m3h=0.12
telegram 2644a5117856341241047a2a0000000406d20400004406e8030000426cff2c025ac401025e2d01
reading energy_at_set_date_kwh=1000, flow_temperature_c=45.2, id=12345678, return_temperature_c=30.1,
        set_date=2023-12-31, status=OK, target_date=2023-12-31, target_energy_consumption_kwh=1000,
        total_energy_consumption_kwh=1234
telegram 2a44a5117856341270077a2a0000000c13452301004c1300000100426cff2ccc011300150100c2016c1d32
reading at_date=2023-12-31, id=12345678, status=OK, target_date=2024-02-29, target_m3=11.5, total_at_date_m3=10.0,
        total_m3=12.345
telegram 1944a5117007785634127a2a0000ff568e40c9e13ae987746992
reading flow_m3h=0.12, id=12345678, status=OK, total_m3=12.345, volume_flow_m3h=0.12
"""

from .. import prios

HYDRUS = {
    "names": {
        "volume_flow_m3h": ("flow_m3h", "volume_flow_m3h"),
        "target_m3": ("total_at_date_m3", "target_m3"),
        "target_date": ("at_date", "target_date"),
        "target_tariff_1_m3": "total_tariff1_at_date_m3",
        "target_tariff_2_m3": "total_tariff2_at_date_m3",
        "total_tariff_1_m3": "total_tariff1_m3",
        "total_tariff_2_m3": "total_tariff2_m3",
        "history_3_m3": "target_m3",
        "history_3_datetime": "target_datetime",
        "history_3_date": "target_date",
    },
    "payload": prios.water,
}


def _month(reading):
    # Where the month end is sent too, it is the second of two targets; the due date keeps its own names.
    for name in ("target_m3", "target_date"):
        if name + "_2" in reading:
            reading[name] = reading.pop(name + "_2")


HYDRUS["finish"] = _month
SHARKY = {
    "names": {
        "total_energy_consumption_tariff_1_kwh": "total_energy_consumption_tariff1_kwh",
        "total_energy_consumption_tariff_2_kwh": "total_energy_consumption_tariff2_kwh",
        "total_volume_tariff_2_m3": "total_volume_tariff2_m3",
        "operating_time_data_error_h": "operating_time_in_error_h",
        "target_energy_consumption_kwh": ("energy_at_set_date_kwh", "target_energy_consumption_kwh"),
        "target_date": ("set_date", "target_date"),
        "history_5_energy_consumption_kwh": "target_energy_consumption_kwh",
        "history_5_volume_m3": "target_volume_m3",
        "history_5_date": "target_date",
    },
}
METERS = (
    (None, (0x06, 0x07, 0x0E, 0x15, 0x16), HYDRUS),
    (None, (0x04, 0x0A, 0x0B, 0x0C, 0x0D), SHARKY),
    (None, (0x03,), {
        "names": {
            "volume_flow_m3h": ("flow_m3h", "volume_flow_m3h"),
            "flow_temperature_c": "temperature_c",
            "history_3_m3": "target_m3",
            "history_3_datetime": "target_datetime",
        },
    }),
    (None, None, {"payload": prios.water}),
)
