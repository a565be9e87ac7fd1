"""Carlo Gavazzi: EM24 electricity meters, also sold behind a Kamstrup radio.

telegram 3544361c7856341200027a2a0000000405d204000004fb82753002000004853c0700000004fb82f53c0800000002fb2ef40101fd172
         2
reading frequency_hz=50.0, id=12345678, status=I_3_OVERFLOW V_2_OVERFLOW,
        total_apparent_energy_consumption_kvah=573.434879, total_apparent_energy_production_kvah=8.030567,
        total_energy_consumption_kwh=123.4, total_energy_production_kwh=0.7,
        total_reactive_energy_consumption_kvarh=560, total_reactive_energy_production_kvarh=8
"""

from .kam import EM24

METERS = ((None, (0x02,), EM24),)
