"""What the generic decoder can't know about a maker's meters, one small file per manufacturer code.

The name is the registry: telegrams of SEN are looked up in `drivers/sen.py`, loaded when the first one comes. A driver
is a tuple METERS of (versions, types, layout); None stands for any. A layout is a dict with some of:
  "names"    standard name -> name; None drops the record; ("x_%d_m3", n) writes storage number + n; (name, multiply,
             divide) scales. A storage number in a standard name is written *: "history_*_m3".
  "bits"     standard name -> ((mask, word, alarm or None), ...): flags that go into `status` and `alarms`
  "status"   the same for the maker's bits E0 of the status byte
  "payload"  function(data, at, end, reading, words, alarms) for a maker's own CI
  "rest"     function(rest, reading, words, alarms) for the maker's data after a DIF 0F
"""

from ..transport import letters

_known: "dict[bytes, dict]" = {}
EMPTY: dict = {}


def layout(address: bytes) -> dict:
    """The layout for a meter's address (M, ID, version, type), or an empty one."""
    key = address[:2] + address[6:]
    found = _known.get(key)
    if found is None:
        if len(_known) > 512:
            _known.clear()
        found = _known[key] = _find(letters(address[0] | address[1] << 8), address[6], address[7])
    return found


def _find(manufacturer: str, version: int, kind: int) -> dict:
    name = manufacturer.lower()
    for letter in name:
        if not "a" <= letter <= "z":
            return EMPTY
    module = load(name)
    if module is not None:
        for versions, kinds, found in module.METERS:
            if (versions is None or version in versions) and (kinds is None or kind in kinds):
                return found
    return EMPTY


def load(name: str):
    """The driver module of a manufacturer code in lower case, or None where there is none."""
    path = "wmbus.drivers." + name
    try:
        return __import__(path, None, None, ("METERS",))
    except ImportError as error:
        if path not in str(error):
            raise
        return None
