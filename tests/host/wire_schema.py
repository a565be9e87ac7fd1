"""The schema of the wire, docs/wire.cddl, by a validator that is not ours."""

from pathlib import Path

import cbor2

# zcbor 0.9 asks cbor2 for a name that cbor2 6 no longer has; any error of decoding serves.
if not hasattr(cbor2, "CBORDecodeValueError"):
    cbor2.CBORDecodeValueError = cbor2.CBORDecodeError
import zcbor

CDDL = (Path(__file__).resolve().parents[2] / "docs/wire.cddl").read_text(encoding="utf-8")
TYPES = zcbor.DataTranslator.from_cddl(CDDL, 16).my_types


def fits(rule, data):
    """Whether these bytes are one item of a rule of the schema."""
    try:
        TYPES[rule].validate_str(data)
    except (zcbor.CddlValidationError, cbor2.CBORDecodeError, ValueError):
        return False
    return True
