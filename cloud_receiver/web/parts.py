"""Small parts of pages, as the templates put them into rows: chips, signal bars, names, times. `w` is a words.Words.

Plain functions, and those with few answers remember them: a list of a hundred rows has a thousand of these.
"""

import functools
import urllib.parse

from markupsafe import Markup, escape

from ..data.clock import iso
from .words import Words

KEY_LEVELS = {"known": "ok", "plain": "calm", "pending": "calm", "missing": "warn"}
LEVELS_DBM = (-98, -90, -80, -68)  # a signal has as many bars as it reaches of these
NOTHING = Markup('<span class="quiet">–</span>')


@functools.lru_cache(512)
def chip(level: str, text: str) -> Markup:
    """A state by colour and word; level: ok, calm, warn or bad."""
    return Markup(f'<span class="chip {level}">{escape(text)}</span>')


def key_chip(w: Words, key: str) -> Markup:
    """The state of a meter's key."""
    return chip(KEY_LEVELS.get(key, "bad"), w.code(key) if key != "undecodable" else w.text("Cannot be decoded"))


def meter_parts(text: str) -> "tuple[str, str, str]":
    """(make, number, version and type) of a meter's text."""
    make, number, version, kind = text.rsplit("-", 3)
    return make, number, f"{version}·{kind}"


def meter_name(text: str) -> Markup:
    """A meter's text, its number standing out."""
    make, number, rest = meter_parts(str(escape(text)))
    return Markup(f'<span class="make">{make}</span> <span class="number">{number}</span> '
                  f'<span class="rest">{rest}</span>')


def meter_url(text: str, **query) -> str:
    """The page of a meter."""
    return "/meters/" + urllib.parse.quote(text, safe="") + ("?" + urllib.parse.urlencode(query) if query else "")


def gateway_url(gateway: str) -> str:
    """The page of a gateway."""
    return "/gateways/" + urllib.parse.quote(gateway, safe="")


def level(w: Words, rssi: "int | None") -> Markup:
    """A level in dBm with its bars."""
    return NOTHING if rssi is None else _level(rssi, w.number(rssi))


@functools.lru_cache(512)
def _level(rssi, text):
    bars = "".join(f'<rect x="{n * 4}" y="{9 - n * 3}" width="3" height="{3 + n * 3}" '
                   f'class="{"on" if rssi >= edge else "off"}"/>' for n, edge in enumerate(LEVELS_DBM))
    return Markup(f'<span class="signal"><svg viewBox="0 0 16 12" aria-hidden="true">{bars}</svg>{text} dBm</span>')


def when(w: Words, seconds: "int | None") -> Markup:
    """How long ago, with the time itself behind it."""
    if seconds is None:
        return Markup(f'<span class="quiet">{escape(w.text("never"))}</span>')
    return Markup(f'<time datetime="{iso(seconds)}" title="{w.time(seconds)}">{escape(w.ago(seconds))}</time>')


@functools.lru_cache(512)
def _share(hundredths, text):
    return Markup('<span class="share"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
                  '<rect width="100" height="10" class="off"/>'
                  f'<rect width="{hundredths}" height="10" class="on"/></svg>{text} %</span>')


def share(w: Words, part: int, whole: int) -> Markup:
    """A part of a whole as a bar and per cent."""
    percent = 100 * part / whole if whole else 0
    return _share(round(percent, 1), w.number(round(percent)) if whole else "–")
