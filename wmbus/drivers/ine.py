"""Innotas EURIS II heat cost allocators: storage 1 to 17 are month ends.

telegram 2044c5257856341255087a2a000000026ef401426e110182016e110202fd172100
reading consumption_at_set_date_1_hca=273, consumption_at_set_date_2_hca=529, consumption_at_set_date_hca=273,
        current_consumption_hca=500, id=12345678, status=MEASUREMENT RESET
"""

ERRORS = ((0x01, "MEASUREMENT", None), (0x02, "SABOTAGE", "tamper"), (0x04, "BATTERY", "low_battery"),
          (0x08, "CS", None), (0x10, "HF", None), (0x20, "RESET", None))
ALLOCATOR = {
    "names": {"consumption_at_set_date_hca": ("consumption_at_set_date_hca", "consumption_at_set_date_1_hca")},
    "bits": {"error_flags": ERRORS},
}
METERS = ((None, (0x08,), ALLOCATOR),)
