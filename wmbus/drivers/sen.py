"""Sensus: iPERL water meters, PolluCom F heat meters."""

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
