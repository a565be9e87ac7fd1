"""Carlo Gavazzi: EM24 electricity meters, also sold behind a Kamstrup radio.

telegram 3544361c7856341200027a2a0000000405d204000004fb82753002000004853c0700000004fb82f53c0800000002fb2ef40101fd172
         2
reading frequency_hz=50.0, id=12345678, status=I_3_OVERFLOW V_2_OVERFLOW,
        total_apparent_energy_consumption_kvah=573.434879, total_apparent_energy_production_kvah=8.030567,
        total_energy_consumption_kwh=123.4, total_energy_production_kwh=0.7,
        total_reactive_energy_consumption_kvarh=560, total_reactive_energy_production_kvarh=8
"""

from . import number

BITS = ((0x01, "V_1_OVERFLOW", None), (0x02, "V_2_OVERFLOW", None), (0x04, "V_3_OVERFLOW", None),
        (0x08, "I_1_OVERFLOW", None), (0x10, "I_2_OVERFLOW", None), (0x20, "I_3_OVERFLOW", None),
        (0x40, "FREQUENCY", None))


def _apparent(reading):
    for kind in ("consumption", "production"):
        active = number(reading, "total_energy_%s_kwh" % kind)
        reactive = number(reading, "total_reactive_energy_%s_kvarh" % kind)
        if active is not None and reactive is not None:
            reading["total_apparent_energy_%s_kvah" % kind] = (active * active + reactive * reactive) ** 0.5


LAYOUT = {
    # The meter counts whole kvarh and tenths of Hz, whatever the VIF says.
    "names": {"total_reactive_energy_consumption_kvarh": ("total_reactive_energy_consumption_kvarh", 1, 1),
              "total_reactive_energy_production_kvarh": ("total_reactive_energy_production_kvarh", 1, 1),
              "frequency_hz": ("frequency_hz", 1, 10)},
    "bits": {"error_flags": BITS},
    "finish": _apparent,
}
METERS = ((None, (0x02,), LAYOUT),)
