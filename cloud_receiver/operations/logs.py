"""Logs as JSON, a line each, without personal data.

What identifies a person or a meter, or opens something, is taken out of every text: meters' ids, anything that looks
like a key, a secret of an address, network addresses. Of an exception the type and the place are written, never its
text, which may quote what it choked on. A gateway's id stays: it is how a fault is found.
"""

import json
import logging
import re
import sys
import traceback

from ..data.clock import iso

_TAKEN_OUT = (
    (re.compile(r"\b[A-Z]{3}-[0-9A-F]{8}-[0-9A-F]{2}-[0-9A-F]{2}\b", re.I), "[meter]"),
    (re.compile(r"/home/[^\s\"']+"), "/home/[secret]"),
    (re.compile(r"\bnetti1\.[A-Za-z0-9_.-]+"), "[token]"),
    (re.compile(r"\b[0-9A-Fa-f]{24,}\b"), "[hex]"),
    (re.compile(r"[A-Za-z0-9_-]{40,}"), "[secret]"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[mail]"),
    (re.compile(r"\b\d{1,3}(\.\d{1,3}){3}\b(:\d+)?"), "[address]"),
    (re.compile(r"(?<![\w:])(?=[0-9A-Fa-f:]*::|(?:[0-9A-Fa-f]+:){5})[0-9A-Fa-f:]{2,}(?!\w)"), "[address]"),
)


def without_personal_data(text: str) -> str:
    """A text with what identifies somebody, or opens something, taken out."""
    for pattern, instead in _TAKEN_OUT:
        text = pattern.sub(instead, text)
    return text


class JsonFormatter(logging.Formatter):
    """A record as a line of JSON: time (UTC), level, logger, text; of an exception its type and where it came from."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict = {"time": iso(record.created), "level": record.levelname.lower(), "logger": record.name,
                 "text": without_personal_data(record.getMessage())}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["at"] = places(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """The same for people at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with where it came from below it where there is an exception."""
        text = super().format(record)
        return "\n".join(without_personal_data(line) for line in text.splitlines())

    def formatException(self, exc_info) -> str:
        """The type of an exception and its places, as in JSON."""
        return "\n".join(f"  {line}" for line in (*places(exc_info[2]), exc_info[0].__name__))


def places(trace) -> "list[str]":
    """Where an exception came through, outermost first: file:line function, without the code's values."""
    return [f"{'/'.join(f.filename.rsplit('/', 2)[-2:])}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)]


def set_up(form: str, level: int) -> None:
    """Log to standard error, `json` or `text`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else
                         TextFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=level, force=True)
