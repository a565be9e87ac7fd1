"""SUTO iTEC: S430 and like flow meters for compressed air, on wired M-Bus.

telegram 2944c4157856341201097a2a000000041339300000043bb80b000002671700026a070004fd1714820000
reading alarms=over_range reverse, id=12345678, pressure_bar=0.7, status=MEASUREMENT_OVER_RANGE PRESSURE_OVER_RANGE
        PRESSURE_SENSOR_BROKEN REVERSE_FLOW, total_m3=12.345, volume_flow_m3h=3.0
"""

METERS = (
    ((0x01,), None, {
        # Its status word (the manual's "System status").
        "bits": {"error_flags": (
            (0x0004, "MEASUREMENT_OVER_RANGE", "over_range"), (0x0008, "TEMPERATURE_OVER_RANGE", None),
            (0x0010, "PRESSURE_OVER_RANGE", None), (0x0020, "PULSE_OVER_RANGE", None),
            (0x0040, "CALIBRATION_OVERDUE", None), (0x0100, "DIFFERENTIAL_PRESSURE_SENSOR_BROKEN", None),
            (0x0200, "PRESSURE_SENSOR_BROKEN", None), (0x0400, "TEMPERATURE_SENSOR_BROKEN", None),
            (0x0800, "NTC_BROKEN", None), (0x8000, "REVERSE_FLOW", "reverse"), (0x10000, "", None))},
    }),
)
