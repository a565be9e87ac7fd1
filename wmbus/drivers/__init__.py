"""What the generic decoder can't know about a maker's meters, one small file per manufacturer code.

Law: a driver is a table; it imports no other driver, but may name one whose LAYOUT it has.

The name is the registry: telegrams of SEN are looked up in `drivers/sen.py`, loaded when the first one comes. A driver
is a tuple METERS of (versions, types, layout); None stands for any. A text instead of a layout names the module that
has it as LAYOUT, so that a home with one kind of meter does not load another. A layout is a dict with some of:
  "names"    standard name -> name; None drops the record; (name, name) gives both; ("x_%d_m3", n) writes storage
             number + n, without its sign; (name, multiply, divide) scales the raw value. A storage number in a standard
             name is written *, the number of a value in a load profile #: "history_*_m3", "target_#_m3"
  "bits"     standard name -> ((mask, word, alarm or None), ...): flags for `status` and `alarms`; an empty word is
             no flag; bits without a row become ERROR_FLAGS_n. Or (DIGITS, {digit: (word, alarm)} for the units, …) for
             an error number whose decimal digits each say something
  "seen"     standard name -> function(value, reading) for a whole number that only the driver can read
  "raw"      standard name -> function(bytes, reading) for a value of variable length only the driver can read
  "status"   as `bits` for the maker's bits E0 of the status byte; None: the status byte says nothing
  "standard" ((mask, alarm), ...): what the maker uses the standard's own bits 1F of the status byte for
  "values"   upper half of the status byte -> alarm, where it is a number and no bits
  "formats"  signature -> DIF and VIF bytes of the compact frames in use
  "body"     function(layers, reading, words, alarms) where the data are no records although the CI says so
  "payload"  the same for a maker's own CI; `layers` has key and aes
  "rest"     function(rest, reading, words, alarms) for the maker's data after a DIF 0F
  "media"    the medium where the type is the maker's own
  "finish"   function(reading), last of all: sums and differences
Alarms are words of ALARMS. Vectors stand in the docstring: `telegram <hex>`, `key <hex>`, `reading name=value ...`.
"""

from ..identity import letters

ALARMS = ("leak", "burst", "reverse", "dry", "air", "tamper", "low_battery", "no_flow", "freeze", "over_range", "comms",
          "smoke")
DIGITS = "digits"
_known: "dict[bytes, tuple[dict, dict]]" = {}
EMPTY: dict = {}


def model(address: bytes) -> "tuple[dict, dict]":
    """(what every reading of the model holds, its layout or an empty one) for a meter's M, ID, version and type."""
    key = address[:2] + address[6:]
    driver = _known.get(key)
    if driver is None:
        if len(_known) > 512:
            _known.clear()
        version, kind = address[6], address[7]
        manufacturer = letters(address[0] | address[1] << 8) or ""
        layout = _find(manufacturer, version, kind)
        from ..media import MEDIA
        media = layout.get("media") or MEDIA.get(kind, "reserved")
        driver = _known[key] = ({"manufacturer": manufacturer, "version": version, "type": kind, "media": media,
                                "status": "OK"}, layout)
    return driver


def number(reading: dict, name: str):
    """A reading's number, or None where it is not there or something else."""
    value = reading.get(name)
    return value if isinstance(value, (int, float)) else None


def forget() -> None:
    """Drop what is known of every meter; loaded modules stay with the interpreter."""
    _known.clear()


def _find(manufacturer: str, version: int, kind: int) -> dict:
    name = manufacturer.lower()
    for letter in name:
        if not "a" <= letter <= "z":
            return EMPTY
    module = load(name) if name else None
    if module is not None:
        for versions, kinds, layout in module.METERS:
            if (versions is None or version in versions) and (kinds is None or kind in kinds):
                return load(layout).LAYOUT if isinstance(layout, str) else layout
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
