"""Texts, numbers and times as people read them: Norwegian bokmål and English, times of Europe/Oslo.

The English text is the key; NB holds the bokmål. A test holds every text of the templates to this table.
"""

import datetime
import decimal
import functools

from babel.dates import format_date, format_timedelta, get_month_names
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

NB = {
    # the frame
    "Overview": "Oversikt", "Meters": "Målere", "Gateways": "Gatewayer", "Skip to content": "Hopp til innhold",
    "Language": "Språk", "Times are Norwegian local time.": "Klokkeslett er norsk tid.", "Main menu": "Hovedmeny",
    "As of %s.": "Per %s.",
    # overview
    "Meters heard": "Målere hørt", "%s of %s": "%s av %s", "in the last 24 hours": "siste døgn",
    "Gateways in contact": "Gatewayer i kontakt", "in the last hour": "siste time", "Keys": "Nøkler",
    "meters read with their key": "målere leses med sin nøkkel", "Alarms": "Alarmer",
    "meters report one now": "målere melder en nå", "meter reports one now": "måler melder en nå",
    "Needs attention": "Bør ses på", "Nothing needs attention.": "Ingenting å se på.",
    "Everything heard, read and in contact.": "Alt er hørt, avlest og i kontakt.",
    "Meters heard per day": "Målere hørt per døgn", "of %s": "av %s", "Telegrams": "Telegrammer",
    "waiting to be decoded": "venter på dekoding", "kept, but not decoded": "beholdt, ikke dekodet",
    "meters without key": "målere uten nøkkel", "meters with wrong key": "målere med feil nøkkel",
    "Get started": "Kom i gang", "No gateway has been enrolled yet.": "Ingen gateway er meldt inn ennå.",
    "Print a one-time token:": "Skriv ut en engangskode:",
    "Give it to a gateway:": "Gi den til en gateway:",
    "Import the meters' keys, so that their readings can be decoded:":
        "Importer målernes nøkler, så avlesningene kan dekodes:",
    "The meters it hears appear here within minutes.": "Målerne den hører, dukker opp her i løpet av minutter.",
    "Silent for %s": "Taus i %s", "No contact for %s": "Ingen kontakt på %s",
    "Enrolled, not heard from yet": "Meldt inn, ikke hørt fra ennå",
    "Key is missing": "Nøkkel mangler", "Key is wrong": "Nøkkelen er feil", "Cannot be decoded": "Kan ikke dekodes",
    "Records lost": "Poster tapt", "Gap in what it delivered": "Hull i det den har levert",
    "Sent two versions of the same records": "Sendte to utgaver av de samme postene", "and %s more": "og %s til",
    "since %s": "siden %s",
    # lists
    "Search": "Søk", "Meter number or make": "Målernummer eller fabrikat", "Show": "Vis", "All": "Alle",
    "Silent": "Tause", "Without key": "Uten nøkkel", "With wrong key": "Med feil nøkkel", "With alarm": "Med alarm",
    "Meter": "Måler", "Last heard": "Sist hørt", "Reading": "Målerstand", "Heard by": "Hørt av",
    "Signal": "Signal", "Key": "Nøkkel", "Gateway": "Gateway", "Kind": "Type", "Last contact": "Siste kontakt",
    "Meters heard, 2 days": "Målere hørt, 2 døgn", "Delivery": "Leveranse", "Version": "Versjon",
    "%s meters": "%s målere", "1 meter": "1 måler", "No meter matches.": "Ingen måler passer.",
    "Show all meters": "Vis alle målere", "No meter has been heard yet.": "Ingen måler er hørt ennå.",
    "A gateway sends what it hears with its next batch, usually within 15 minutes.":
        "En gateway sender det den hører med neste bunt, vanligvis innen 15 minutter.",
    "The list as CSV": "Listen som CSV", "Key missing or wrong": "Nøkkel mangler eller er feil",
    "Coverage": "Dekning", "Coverage, 7 days": "Dekning, 7 døgn", "Name or id": "Navn eller id",
    "Gaps, loss, two versions": "Hull, tap, to utgaver", "No gateway matches.": "Ingen gateway passer.",
    "Show all gateways": "Vis alle gatewayer", "No meter reports an alarm.": "Ingen måler melder alarm.",
    "Show all alarms": "Vis alle alarmer", "%s alarms": "%s alarmer", "1 alarm": "1 alarm",
    "Last reported": "Sist meldt",
    "%s gateways": "%s gatewayer", "1 gateway": "1 gateway", "Previous": "Forrige", "Next": "Neste",
    "Versions": "Versjoner", "Run it": "Kjører den", "Told of it": "Fått beskjed", "Roll-out": "Utrulling",
    "told of %s": "fått beskjed om %s", "%s %% of all": "%s %% av alle", "%s %% of group %s": "%s %% av gruppe %s",
    "Halted": "Stanset",
    "Page %s of %s": "Side %s av %s", "Sort by %s": "Sorter etter %s", "none": "ingen", "never": "aldri",
    "just now": "nå nettopp", "%s of %s days": "%s av %s døgn",
    "Readings of all meters as a file": "Avlesninger fra alle målere som fil", "From": "Fra",
    "To, not included": "Til, ikke medregnet", "Values": "Verdier", "One a day": "Én i døgnet",
    "Every hour": "Hver time", "Purpose, if hourly": "Formål, hvis hver time", "Get CSV": "Hent CSV",
    "Dates as 2026-11-24, of UTC days.": "Datoer som 2026-11-24, for UTC-døgn.",
    "Hourly values are written to the audit log with your name.":
        "Timesverdier skrives i innsynsloggen med navnet ditt.",
    # a meter
    "First heard": "Først hørt",
    "Total": "Målerstand", "read %s": "avlest %s", "not read yet": "ikke avlest ennå", "Use": "Forbruk",
    "Per day, 31 days": "Per døgn, 31 døgn", "Per hour": "Per time", "Per month, 13 months": "Per måned, 13 måneder",
    "Period": "Periode", "Litres per day": "Liter per døgn", "Litres per hour": "Liter per time",
    "Litres per month": "Liter per måned", "Previous day": "Forrige døgn", "Next day": "Neste døgn",
    "Hourly values can show when people are at home. Look at them only for a leak or on request.":
        "Timesverdier kan vise når folk er hjemme. Se på dem bare ved lekkasje eller på forespørsel.",
    "Day": "Døgn", "Hour": "Time", "Month": "Måned", "Litres": "Liter", "so far": "hittil", "in part": "delvis",
    "no reading": "ingen avlesning",
    "No readings in this period.": "Ingen avlesninger i denne perioden.", "Table of the values": "Verdiene i tabell",
    "Who hears it": "Hvem hører den", "Last 7 days": "Siste 7 døgn", "Telegrams relayed": "Telegrammer videresendt",
    "Telegrams heard": "Telegrammer hørt",
    "Days": "Døgn", "Best": "Best", "Median": "Median", "Latest telegram": "Siste telegram",
    "Field": "Felt", "Value": "Verdi", "Alarm": "Alarm", "Since": "Siden", "Ended": "Slutt", "still on": "pågår",
    "No alarms.": "Ingen alarmer.", "What to do": "Hva gjør du nå",
    "This meter's telegrams are encrypted and the receiver has no key for it. They are kept, and decoded as soon as a "
    "key is imported:":
        "Telegrammene fra denne måleren er kryptert, og mottakeren har ingen nøkkel. De beholdes, og dekodes så snart "
        "nøkkelen er importert:",
    "The key in the receiver does not open this meter's telegrams. Check the supplier's key file for this number and "
    "import it again:":
        "Nøkkelen i mottakeren åpner ikke telegrammene fra denne måleren. Sjekk leverandørens nøkkelfil for nummeret, "
        "og importer på nytt:",
    "The telegram could not be decoded:": "Telegrammet kunne ikke dekodes:",
    "Not heard in the last 7 days.": "Ikke hørt siste 7 døgn.",
    # a home
    "My home": "Min bolig", "Water": "Vann", "Electricity": "Strøm", "Today": "I dag", "This month": "Denne måneden",
    "%s l in %s": "%s l på %s", "%s kWh the hour from %s": "%s kWh i timen fra %s",
    "%s kWh sold": "%s kWh solgt",
    "kWh per day": "kWh per døgn", "What leaves the house": "Hva som forlater huset",
    "Your water meter has not been heard yet.": "Vannmåleren din er ikke hørt ennå.",
    "The water works has not yet said which water meter is yours.":
        "Vannverket har ikke oppgitt hvilken vannmåler som er din, ennå.",
    "The gateway has not been in contact for %s. Check that it has power and the network works.":
        "Gatewayen har ikke vært i kontakt på %s. Sjekk at den har strøm og at nettet virker.",
    "The gateway has not been in contact yet.": "Gatewayen har ikke vært i kontakt ennå.",
    "To the water works: the telegrams of water meters, yours and your neighbours', unopened. Your electricity stays "
    "in the house.":
        "Til vannverket: telegrammene fra vannmålerne, din og naboenes, uåpnet. Strømforbruket blir i huset.",
    "To the water works: the telegrams of water meters, yours and your neighbours', unopened; to this page alone: your "
    "electricity per hour, as you have chosen.":
        "Til vannverket: telegrammene fra vannmålerne, din og naboenes, uåpnet; bare til denne siden: strømmen din per "
        "time, slik du har valgt.",
    "Values are shown from %s on.": "Verdier vises fra %s.",
    "This address is the key to the page: keep it to yourself. Values are shown from %s on.":
        "Adressen er nøkkelen til siden: hold den for deg selv. Verdier vises fra %s.",
    # a gateway
    "Enrolled": "Meldt inn", "Clock": "Klokke", "Starts": "Oppstarter", "Revoked": "Sperret",
    "Ring": "Ring", "Delivered through": "Levert til og med", "Gaps": "Hull", "Lost": "Tapt",
    "Two versions": "To utgaver", "First contact": "Første kontakt", "records": "poster",
    "Everything it has kept has been delivered without a gap.": "Alt den har tatt vare på, er levert uten hull.",
    "Records %s to %s never came. They are taken if the gateway still has them.":
        "Postene %s til %s kom aldri. De tas imot hvis gatewayen fortsatt har dem.",
    "Records were overwritten in the gateway before they could be delivered.":
        "Poster ble overskrevet i gatewayen før de kunne leveres.",
    "At %s it sent records %s to %s again with other content. Nothing of that was stored. If it goes on, the gateway "
    "has a fault, or someone has its key: revoke it and enrol it anew.":
        "%s sendte den postene %s til %s på nytt med annet innhold. Ingenting av det ble lagret. Fortsetter det, har "
        "gatewayen en feil, eller noen har nøkkelen: sperr den og meld den inn på nytt.",
    "This gateway is revoked since %s: what it sends is refused, what it sent is kept.":
        "Denne gatewayen er sperret siden %s: det den sender, avvises; det den har sendt, beholdes.",
    "Meters it hears": "Målere den hører", "today and yesterday": "i dag og i går",
    "It has not delivered a meter today or yesterday.": "Den har ikke levert noen måler i dag eller i går.",
    "Counters": "Tellere", "as of %s": "per %s", "Events": "Hendelser", "Time": "Tid", "What": "Hva",
    "No events.": "Ingen hendelser.", "received %s": "mottatt %s", "Start": "Oppstart", "Clock set": "Klokke stilt",
    "Event": "Hendelse", "Position": "Posisjon", "Crash": "Krasj",
    "Latest crash": "Siste krasj", "Started again": "Startet igjen", "Had run for": "Hadde gått i",
    "What reset it": "Hva som startet den om", "Memory in use": "Minne i bruk", "%s of %s kB": "%s av %s kB",
    "the process ended": "prosessen tok slutt", "power came on": "strømmen kom", "reset": "omstart",
    "the watchdog": "vakthunden", "woke from deep sleep": "våknet av dyp søvn",
    "restarted by software": "omstart fra programmet", "not known": "ikke kjent",
    "Record of an unknown kind": "Post av ukjent slag",
    "The home's own meters": "Boligens egne målere", "Commands": "Kommandoer", "Command": "Kommando", "Made": "Gitt",
    "State": "Tilstand", "Result": "Resultat",
    "the owner has not consented": "eieren har ikke samtykket", "too late": "for sent",
    "not on the list": "ukjent kommando",
    "arguments not understood": "verdiene ble ikke forstått", "no good clock": "ingen sikker klokke",
    "tried and failed": "forsøkt uten hell", "interrupted by a restart": "avbrutt av en omstart",
    # values
    "interval": "intervall", "relay": "videresending", "own-meters": "egne målere", "trust": "tillit",
    "rewind": "spol tilbake", "update": "oppdatering", "close-valve": "steng kran", "waiting": "venter",
    "expired": "utløpt", "replaced": "erstattet", "done": "utført", "refused": "avslått",
    "water": "vann", "warm_water": "varmt vann", "hot_water": "varmt vann", "cold_water": "kaldt vann",
    "hot_cold_water": "varmt og kaldt vann", "heat": "varme", "heat_cooling": "varme og kjøling", "gas": "gass",
    "electricity": "strøm", "waste_water": "avløp",
    "known": "kjent", "missing": "mangler", "wrong": "feil", "plain": "trengs ikke", "pending": "ikke prøvd",
    "home": "hjem", "concentrator": "konsentrator", "drive-by": "kjørerute",
    "leak": "lekkasje", "burst": "rørbrudd", "dry": "tørr", "air": "luft", "reverse": "tilbakestrømning",
    "backflow": "tilbakestrømning", "tamper": "manipulering", "no_flow": "ingen gjennomstrømning",
    "low_battery": "lavt batteri", "freeze": "frost", "over_range": "over måleområdet", "comms": "kommunikasjon",
    "smoke": "røyk",
    "unknown clock": "ukjent", "lowest possible": "tidligst mulig", "from the receiver": "fra mottakeren",
    "from the internet": "fra internett", "from the HAN port": "fra HAN-porten",
    # log-in
    "Log in": "Logg inn", "Log out": "Logg ut", "Name": "Navn", "Password": "Passord",
    "Name or password is wrong.": "Navn eller passord er feil.",
    "Too many attempts. Try again in %s.": "For mange forsøk. Prøv igjen om %s.",
    # access
    "My account": "Min konto", "New password": "Nytt passord", "Present password": "Nåværende passord",
    "Change password": "Bytt passord", "The present password is wrong.": "Det nåværende passordet er feil.",
    "A password has at least 12 characters.": "Et passord har minst 12 tegn.",
    "You are logged out everywhere and log in with the new one.": "Du logges ut overalt og logger inn med det nye.",
    "Not allowed": "Ikke tillatt", "Your role does not include this.": "Rollen din omfatter ikke dette.",
    "Not possible just now": "Ikke mulig akkurat nå", "Try again shortly.": "Prøv igjen om litt.",
    "Audit log": "Innsynslogg", "Who": "Hvem", "Of": "Om", "Purpose": "Formål",
    "Who looked at whose hourly values, and what was changed. Nobody can take a line away here.":
        "Hvem som så på hvem sine timesverdier, og hva som ble endret. Ingen kan ta bort en linje her.",
    "All of it as CSV": "Hele loggen som CSV", "Meter or home": "Måler eller hjem", "No lines.": "Ingen linjer.",
    "Hourly values can show when people are at home. Say what you need them for; it is written to the audit log with "
    "your name.":
        "Timesverdier kan vise når folk er hjemme. Oppgi hva du trenger dem til; det skrives i innsynsloggen med "
        "navnet ditt.",
    "request": "forespørsel", "fault": "feil på måler", "billing": "fakturering",
    "reader": "leser", "operations": "drift", "installer": "montør", "administrator": "administrator",
    "homeowner": "huseier", "hours": "timesverdier", "export": "eksport", "password changed": "passord byttet",
    "account made": "konto opprettet", "account changed": "konto endret",
    "account removed": "konto fjernet", "token made": "API-nøkkel laget",
    "token ended": "API-nøkkel avsluttet",
    "person exported": "persondata utlevert", "person erased": "persondata slettet",
    "account disabled": "konto sperret", "account enabled": "konto åpnet",
    "You have logged in with a password that is good once. Choose your own.":
        "Du har logget inn med et engangspassord. Velg ditt eget.",
    # users
    "Users": "Brukere", "Role": "Rolle", "Last log-in": "Sist logget inn", "Change": "Endre",
    "Change role": "Endre rolle", "Disabled": "Sperret", "Active": "Aktiv", "Disable": "Sperr", "Enable": "Åpne",
    "One-time password": "Engangspassord", "New user": "Ny bruker", "Add user": "Legg til bruker",
    "API tokens": "API-nøkler", "Good until": "Gyldig til", "End": "Avslutt",
    "No tokens.": "Ingen API-nøkler.", "ended": "avsluttet", "New token for a program": "Ny API-nøkkel til et program",
    "Make token": "Lag API-nøkkel", "Secret of %s": "Hemmelighet til %s",
    "It is shown this once: write it down now.": "Den vises bare nå: skriv den ned.",
    "A password is replaced at the first log-in.": "Et passord byttes ut ved første innlogging.",
    "There is no such change.": "Den endringen finnes ikke.", "There is no such role.": "Den rollen finnes ikke.",
    "A name is 1 to 64 of a-z, 0-9 and . _ @ -": "Et navn er 1 til 64 av a-z, 0-9 og . _ @ -",
    "There is one of this name already.": "Navnet er i bruk.", "There is none of this name.": "Navnet finnes ikke.",
    "A token is good for 1 to 1095 days.": "En API-nøkkel gjelder i 1 til 1095 dager.",
    "The own account is changed by another administrator.": "Egen konto endres av en annen administrator.",
    # notices
    "1 silent gateway": "1 taus gateway", "%s silent gateways": "%s tause gatewayer",
    # errors
    "Not found": "Finnes ikke", "There is nothing at this address.": "Det er ingenting på denne adressen.",
    "Something went wrong": "Noe gikk galt", "The receiver could not make this page. Try again shortly.":
        "Mottakeren kunne ikke lage denne siden. Prøv igjen om litt.",
    "The readings are away": "Målerstandene er borte et øyeblikk",
    "Their database does not answer just now. Try again shortly.":
        "Databasen deres svarer ikke akkurat nå. Prøv igjen om litt.",
    "To the overview": "Til oversikten", "No meter called %s has been heard.": "Ingen måler ved navn %s er hørt.",
    "No gateway called %s is enrolled.": "Ingen gateway ved navn %s er meldt inn.",
}
CLOCKS = ("unknown clock", "lowest possible", "from the receiver", "from the internet", "from the HAN port")


class Words:
    """One language's texts and forms; `now` is Unix seconds."""

    def __init__(self, language: str, now: int):
        self.language, self.now = language, now
        self.locale = LOCALES[language]

    def text(self, english: str, *values) -> str:
        """A text in this language, with values put in."""
        found = NB.get(english, english) if self.language == "nb" else english
        return found % values if values else found

    def code(self, code: str) -> str:
        """A code of the data (medium, key state, alarm) as words."""
        return NB.get(code, code.replace("_", " ")) if self.language == "nb" else code.replace("_", " ")

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
