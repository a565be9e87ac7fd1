"""The standard name of every record, for meters no driver knows and as what drivers rename.

The name is built from quantity, storage number, tariff, subunit, function and VIFEs and carries the unit:
  total_m3, target_m3 (storage 1), history_2_m3 (storage 2), max_flow_m3h, total_energy_consumption_tariff_1_kwh,
  meter_datetime, target_date, voltage_at_phase_1_v, mfct_ff20 (a maker's own VIF, with its bytes)
"""

from .vif import meaning

FUNCTIONS = ("", "max_", "min_", "")
# Registers that count up: storage 0 is the "total", storage 1 the value of the last due date, the "target".
TOTALS = ("energy", "volume", "mass", "reactive_energy", "apparent_energy")
ELECTRICITY = 0x02
ROOM_SENSOR = 0x1B
COUNTS_VOLUME = (0x03, 0x06, 0x07, 0x15, 0x16, 0x17, 0x28, 0x01, 0x09, 0x05)  # media whose total is a volume


def describe(record, media: int) -> "tuple[str, str, int, int]":
    """(name, unit, multiply, divide) of a record of a meter of this media type; unit "date" for date values."""
    described = meaning(record.vif)
    if described is None:
        return _tail("mfct_" if record.vif[0] & 0x7F == 0x7F else "vif_", record, record.vif.hex()), "", 1, 1
    quantity, unit, multiply, divide, words = described
    if quantity == "text":
        return _tail("", record, "text_" + _plain(record.text)), unit, multiply, divide
    backward = "backward" in words
    forward = "forward" in words
    rest = "".join(["_" + word for word in words if word not in ("backward", "forward", "average")])
    middle = quantity
    if "average" in words:
        middle = "average_" + middle
    if quantity == "energy":
        middle = "energy_production" if backward else "energy_consumption"
    elif quantity == "power" and media == ELECTRICITY:
        middle = "power_production" if backward else "power_consumption"
    elif quantity in ("reactive_energy", "apparent_energy"):
        middle += "_production" if backward else "_consumption"
    elif quantity == "volume":
        middle = "" if media in COUNTS_VOLUME or media not in (0x04, 0x0A, 0x0B, 0x0C, 0x0D) else "volume"
        if backward:
            middle += "_backward" if middle else "backward"
        elif forward:
            middle += "_forward" if middle else "forward"
    elif backward:
        middle += "_backward"
    elif forward:
        middle += "_forward"
    elif quantity == "voltage" and media != ELECTRICITY:
        middle = middle.replace("voltage", "battery")  # what else would a water meter measure
    elif quantity == "external_temperature" and media == ROOM_SENSOR:
        middle = middle.replace("external_", "")
    if rest:
        middle += rest if middle else rest[1:]
    storage = record.storage
    function = FUNCTIONS[record.function]
    if quantity == "date" or quantity == "datetime":
        if record.function == 3:
            name = "error_date" if quantity == "date" else "meter_datetime_at_error"
        else:
            name = ("meter_" if storage == 0 else "target_" if storage == 1 else "history_%d_" % storage) + middle
        return _numbers(function + name, record), "date", 1, 1
    if unit == "date":
        return _numbers(_stored(function + middle + "_datetime", storage), record), unit, 1, 1
    if quantity in TOTALS:
        head = "total" if storage == 0 else "target" if storage == 1 else "history_%d" % storage
        name = function + head + ("_" + middle if middle else "")
    elif quantity == "consumption":
        name = function + ("current_consumption" if storage == 0 else "consumption_at_set_date")
        name += ("_%d" % storage if storage > 1 else "") + rest
    elif middle == "volume_flow" and function and not storage:
        name = function + "flow"
    elif media == ELECTRICITY and quantity == "power" and not function:
        name = _stored("current_" + middle, storage)
    else:
        name = _stored(function + middle, storage)
    if record.function == 3:
        name += "_at_error"
    return _numbers(name, record) + ("_" + unit if unit and unit != "bits" else ""), unit, multiply, divide


def _stored(name: str, storage: int) -> str:
    if storage == 0:
        return name
    return "target_" + name if storage == 1 else "history_%d_%s" % (storage, name)


def _numbers(name: str, record) -> str:
    if record.tariff:
        name += "_tariff_%d" % record.tariff
    if record.subunit:
        name += "_subunit%d" % record.subunit
    return name


def _tail(head: str, record, body: str) -> str:
    return _numbers(_stored(FUNCTIONS[record.function] + head + body, record.storage), record)


def _plain(text: str) -> str:
    """Plain text made fit for a name."""
    return "".join([c if "a" <= c <= "z" or "0" <= c <= "9" else "_" for c in text.lower()])
