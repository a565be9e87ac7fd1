"""Texts, numbers and times as people read them: Norwegian bokmål and English, times of Europe/Oslo.

The English text is the key. The bokmål is in catalogues: `nb.po` here, and one in each feature's folder for what only
that feature says. A test holds every text to them, and them to the texts.
"""

import datetime
import decimal
import functools
import gettext
import io
from pathlib import Path

from babel.dates import format_date, format_timedelta, get_month_names
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, get_decimal_symbol, get_group_symbol

from ..data import usage
from ..data.clock import DAY, HOUR

LANGUAGES = ("nb", "en")
NAMES = {"nb": "Norsk bokmål", "en": "English"}
LOCALES = {"nb": "nb_NO", "en": "en_GB"}
# What a list has hundreds of is written here with a locale's signs: Babel takes longer for one than a row's query does.
SIGNS = {language: str.maketrans({",": get_group_symbol(locale), ".": get_decimal_symbol(locale)})
         for language, locale in LOCALES.items()}
MONTHS = {language: get_month_names("abbreviated", "format", locale) for language, locale in LOCALES.items()}

HERE = Path(__file__).parent
CODE = "code"  # the context of codes of the data (medium, key state, alarm), which have no English text


def N_(text: str) -> str:  # noqa: N802 - the name that tools for catalogues know
    """A text that is put into a language later: marks it for the catalogues."""
    return text


CLOCKS = (N_("unknown clock"), N_("lowest possible"), N_("from the receiver"), N_("from the internet"),
          N_("from the HAN port"))


def catalogues() -> "list[Path]":
    """The files of the bokmål texts."""
    return [HERE / "nb.po", *sorted(HERE.parent.glob("features/*/nb.po"))]


@functools.cache
def translations(language: str) -> gettext.NullTranslations:
    """The texts of a language; English is what the code says."""
    if language == "en":
        return gettext.NullTranslations()
    merged = Catalog(locale=language)  # one: in a chain a feature's text would be looked for in all that come before it
    for path in catalogues():
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id:
                    merged.add(message.id, message.string, context=message.context)
    packed = io.BytesIO()
    write_mo(packed, merged)
    packed.seek(0)
    return gettext.GNUTranslations(packed)


class Words:
    """One language's texts and forms; `now` is Unix seconds."""

    def __init__(self, language: str, now: int):
        self.language, self.now = language, now
        self.locale = LOCALES[language]
        self._translations = translations(language)

    def text(self, english: str, **values) -> str:
        """A text in this language, with values put in for its %(name)s."""
        text = self._translations.gettext(english) if english else ""
        return text % values if values else text

    def plural(self, one: str, many: str, n: int, **values) -> str:
        """The text for a number of things, with values put in."""
        return self._translations.ngettext(one, many, n) % values

    def code(self, code: str) -> str:
        """A code of the data (medium, key state, alarm) as words."""
        return _code(self.language, code)

    def number(self, value: "float | int | None", decimals: int = 0) -> str:
        """A number with the language's separators: 1 234,5 or 1,234.5; nothing for None."""
        if value is None:
            return ""
        exact = value if isinstance(value, int) else decimal.Decimal(str(value))  # 0.15 is rounded as it is written
        return f"{exact:,.{decimals}f}".translate(SIGNS[self.language])

    def value(self, value) -> str:
        """A decoded value: a number with the decimals it has, anything else as text."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return format_decimal(value, "0.######", locale=self.locale)
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    def litres(self, ml: "int | None") -> str:
        """Millilitres as litres, with a decimal below ten."""
        if ml is None:
            return ""
        return self.number(ml / 1000, 1 if 0 < abs(ml) < 10_000 else 0)

    def time(self, seconds: "int | None") -> str:
        """Date and time: 24.11.2026 08:00 or 24 Nov 2026, 08:00."""
        if seconds is None:
            return ""
        t = usage.local(seconds)
        if self.language == "nb":
            return f"{t.day:02}.{t.month:02}.{t.year} {t.hour:02}:{t.minute:02}"
        return f"{t.day} {MONTHS['en'][t.month]} {t.year}, {t.hour:02}:{t.minute:02}"

    def day(self, seconds: int) -> str:
        """A date with its weekday: tirsdag 24.11.2026."""
        return format_date(usage.local(seconds).date(), "EEEE dd.MM.y" if self.language == "nb" else "EEEE d MMM y",
                           locale=self.locale)

    def short_day(self, seconds: int) -> str:
        """A date within a year: 24.11. or 24 Nov."""
        t = usage.local(seconds)
        return f"{t.day}.{t.month}." if self.language == "nb" else f"{t.day} {MONTHS['en'][t.month]}"

    def month(self, seconds: int, short: bool = False) -> str:
        """A month: november 2026."""
        return format_date(usage.local(seconds).date(), "LLL yy" if short else "LLLL y", locale=self.locale)

    def clock(self, seconds: int) -> str:
        """Hours and minutes."""
        return usage.local(seconds).strftime("%H:%M")

    def ago(self, seconds: "int | None") -> str:
        """How long ago: for 5 minutter siden."""
        if seconds is None:
            return self.text("never")
        if seconds > self.now - 60:
            return self.text("just now")
        passed = self.now - seconds
        return _span(self.locale, -(passed - passed % (60 if passed < DAY else HOUR)), True)

    def span(self, seconds: int) -> str:
        """A length of time: 3 timer."""
        return _span(self.locale, max(seconds, 0), False)


@functools.lru_cache(2048)
def _code(language, code):
    text = translations(language).pgettext(CODE, code)
    return code.replace("_", " ") if text == code else text


@functools.lru_cache(2048)
def _span(locale, seconds, direction):
    return format_timedelta(datetime.timedelta(seconds=seconds), add_direction=direction, locale=locale)


def choose(query: "str | None", cookie: "str | None", accept: str) -> str:
    """The language of a request: asked for, remembered, or the browser's; bokmål for who reads any Norwegian."""
    for name in (query, cookie):
        if name in LANGUAGES:
            return name
    best, weight = "nb", 0.0
    for part in accept.split(","):
        name, _, rest = part.strip().partition(";")
        try:
            q = float(rest.partition("=")[2]) if rest else 1.0
        except ValueError:
            continue
        base = name.strip().lower().split("-")[0]
        language = {"nb": "nb", "no": "nb", "nn": "nb", "da": "nb", "sv": "nb", "en": "en"}.get(base)
        if language and q > weight:
            best, weight = language, q
    return best
