"""Files of JSON that people write, checked as they are read: what is wrong is one line that names the field."""

import re
from pathlib import Path
from typing import TypeVar

import msgspec

Form = TypeVar("Form")

# What msgspec says, and plainer words.
_PLAINER = (
    (r"Object missing required field `(.*)`", r"\1 is missing"),
    (r"Object contains unknown field `(.*)`", r"there is no field \1"),
    (r"Expected `str` matching regex .*", "not of its form"),
    ("Input data was truncated", "it ends too soon"),
    ("Invalid enum value", "there is no"),
    ("Expected", "expected"),
    ("`", ""),
)


class Malformed(ValueError):
    """A file that people write is not as it should be; the text is one line that says where and what to do."""


def read_json(path: Path, form: "type[Form]") -> Form:
    """A file of JSON as a msgspec.Struct says it is to be. Raises FileNotFoundError, OSError, Malformed."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=form)
    except (msgspec.DecodeError, RecursionError) as e:
        raise Malformed(f"{path}: {plain_error(e)}; correct it there") from None


def plain_error(e: "msgspec.DecodeError | RecursionError") -> str:
    """What msgspec says, without its notation: `port: expected int, got str`."""
    if isinstance(e, RecursionError):
        return "nested too deeply"
    text, _, where = str(e).partition(" - at `$")
    for pattern, instead in _PLAINER:
        text = re.sub(pattern, instead, text)
    field = where.strip(".`")
    return f"{field}: {text}" if field else text
