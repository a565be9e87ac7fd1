"""What follows the encrypted records of a telegram in plain (security modes 2 and 5, EN 13757-7 §7.6.3).

Some meters leave records of no value to an eavesdropper outside of the encrypted blocks: a version, a parameter set, a
due date, a sensor's reading. Anybody can put records there, behind a genuine message that he replays. So only such
records are read, none takes the place of what was encrypted, and none raises a flag.
"""

from . import plan as plans
from . import records
from .errors import DecodeError

_DATES = (0x6C, 0x6D)
_ACTUALITY = (0x74, 0x75, 0x76, 0x77)  # how long ago the values were true
_TEXT = 0x7C  # a VIF in plain text: its name always begins with "text_"
_IDENTITY = (0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F)  # behind FD: maker, parameter set, model, hardware, firmware, software


def harmless(record) -> bool:
    """Whether a record may be read that nobody sealed: no register, no flow, no flags, no clock."""
    vif = record.vif
    if not vif or record.function == 3:
        return False
    if vif[0] & 0x7F == _TEXT or vif[0] in _ACTUALITY:
        return True
    if vif[0] in _DATES:
        return record.storage > 0
    return len(vif) == 2 and vif[0] == 0xFD and vif[1] in _IDENTITY


def read(layers, reading: dict) -> None:
    """Add what the plain records behind the encrypted ones may tell to `reading`."""
    data = layers.data
    try:
        walked = records.walk(data, layers.end, layers.plain_end, False)
    except DecodeError:
        return
    for record in walked:
        if not harmless(record):
            continue
        told: dict = {}
        stop = record.value + record.size
        plans.apply(plans.find(layers.address, data, record.at, stop), data, record.at, told, [], [])
        for name in told:
            if name not in reading:
                reading[name] = told[name]
