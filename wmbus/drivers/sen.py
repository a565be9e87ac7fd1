"""Sensus: iPERL water meters, PolluCom F heat meters.

telegram 1844ae4c7856341268077a2a000000041339300000023b7800
reading id=12345678, max_flow_m3h=0.12, status=OK, total_m3=12.345, volume_flow_m3h=0.12
telegram 2244ae4c785634121d047a2a0000000406d204000004132e160000025b1f00025f1800
reading flow_temperature_c=31, forward_c=31, id=12345678, return_c=24, return_temperature_c=24, status=OK,
        total_energy_consumption_kwh=1234, total_kwh=1234, total_m3=5.678, total_volume_m3=5.678
"""

METERS = (
    (None, (0x06, 0x07, 0x15, 0x16), {"names": {"volume_flow_m3h": ("max_flow_m3h", "volume_flow_m3h")}}),
    (None, (0x04, 0x0C, 0x0D), {
        "names": {
            "total_volume_m3": ("total_m3", "total_volume_m3"),
            "target_volume_m3": ("target_m3", "target_volume_m3"),
            "total_energy_consumption_kwh": ("total_kwh", "total_energy_consumption_kwh"),
            "target_energy_consumption_kwh": ("target_kwh", "target_energy_consumption_kwh"),
            "volume_flow_m3h": ("flow_m3h", "volume_flow_m3h"),
            "flow_temperature_c": ("forward_c", "flow_temperature_c"),
            "return_temperature_c": ("return_c", "return_temperature_c"),
            "target_max_volume_flow_m3h": "flow_max_m3h",
            "target_max_flow_temperature_c": "forward_max_c",
            "target_max_return_temperature_c": "return_max_c",
        },
    }),
)
