"""Receivers and gateways without one of their defences: the attack that each names must get through, or proves nothing.

A defence is taken away in one place, by a function here that runs in the attacked process before it starts (`plant`,
from ground.py); those of gateways, which run on MicroPython too, are in tests/lacking_gateway.py.
"""

import importlib
from collections import namedtuple

# attack: whose success shows that the defence is gone; at: "receiver" or "gateway"; quick: is tried in the quick
# campaign; remove: takes it away (None for a gateway's).
Mutant = namedtuple("Mutant", ("attack", "at", "quick", "remove"))
MUTANTS: "dict[str, Mutant]" = {}

for _name, _attack, _quick in (
        ("order_signature", "orders_of_others", True), ("order_counter", "orders_again_and_late", False),
        ("order_time", "orders_again_and_late", False), ("valve_consent", "valve_without_consent", False),
        ("han_opt_in", "electricity_without_consent", False), ("own_only", "neighbour_read_in_a_home", False),
        ("media_filter", "other_media_relayed", False), ("anchors", "receiver_of_a_stranger", True)):
    MUTANTS[_name] = Mutant(_attack, "gateway", _quick, None)


def plant(names):
    """Take away some defences of a receiver in this process."""
    for name in names:
        MUTANTS[name].remove()


def lets(attack, quick=False):
    """Enter a function among the mutants: the attack that it lets through."""
    def enter(remove):
        assert remove.__name__ not in MUTANTS
        MUTANTS[remove.__name__] = Mutant(attack, "receiver", quick, remove)
        return remove
    return enter


def _replace(path, value):
    """Put a value in the place of `module:name` or `module:Class.name`; returns what was there."""
    module, _, name = path.partition(":")
    owner = importlib.import_module("cloud_receiver." + module if not module.startswith("firmware") else module)
    *outer, name = name.split(".")
    for part in outer:
        owner = getattr(owner, part)
    before = getattr(owner, name)
    setattr(owner, name, value)
    return before


# --- signatures, tokens, rings

class _AnyKey:
    """Verifies whatever it is shown."""

    @classmethod
    def from_public_bytes(cls, data):
        """A key of these bytes."""
        return cls()

    def verify(self, signature, data):
        """Whatever it is."""


@lets("envelopes_of_others", quick=True)
def any_signature():
    """A batch's signature is not verified."""
    _replace("edge.ingest:Ed25519PublicKey", _AnyKey)


@lets("tokens_of_others", quick=True)
def any_token():
    """A token is good for any key, used or not."""
    _replace("office.enrolled:Enrolled.use_token", lambda self, *arguments: True)


@lets("equivocation")
def same_range_same_content():
    """Other content under a stored range passes for what is stored."""
    _replace("stores.jobs.ledger:same_content", lambda stored, received: True)


@lets("batch_sent_again")
def each_reception_a_telegram():
    """What several gateways heard is as many telegrams."""
    _replace("stores.jobs.matching:same_telegram", lambda *_: None)


@lets("result_of_anothers_command")
def results_by_counter():
    """A command's result is believed of any gateway."""
    def result(self, gateway, counter, code, text, now):
        self._db.execute("UPDATE commands SET code = ?, text = ?, answered = ? WHERE counter = ?",
                         (code, text, now, counter))
        self.refresh()
    _replace("office.orders:Orders.result", result)


# --- readings (data/plausible.py)

def _entered(*_):
    return 0, ""


@lets("mode7_counter_set_back")
def counters_not_compared():
    """What must rise is not looked at."""
    _replace("data.plausible:rises", _entered)


@lets("ell_session_set_back")
def sessions_not_compared():
    """The same, seen by another attack."""
    _replace("data.plausible:rises", _entered)


@lets("replay_after_a_restart")
def nothing_kept_of_a_meter():
    """What must rise is not kept in the store."""
    _replace("stores.jobs.rising:write", lambda db, changed: None)


@lets("yesterday_played_again", quick=True)
def totals_not_compared():
    """A total may go back, and by any step."""
    _replace("data.plausible:step", lambda *_: "")


@lets("implausible_totals_of_a_plain_meter", quick=True)
def totals_step_anywhere():
    """The same, seen by another attack."""
    _replace("data.plausible:step", lambda *_: "")


@lets("first_reading_that_cannot_be")
def any_range():
    """A total may be any number."""
    _replace("data.plausible:in_range", lambda *_: True)


@lets("first_reading_that_cannot_be")
def any_date():
    """A meter's own clock may say anything."""
    _replace("data.plausible:dated", lambda *_: True)


# --- bounds (data/bounds.py)

def _unbounded(**fields):
    bounds = importlib.import_module("cloud_receiver.data.bounds")
    bounds.HOME = bounds.HOME._replace(**fields)
    bounds.KINDS["home"] = bounds.HOME


@lets("invented_meters", quick=True)
def meters_not_bounded():
    """A gateway may tell of any number of meters that nobody has heard."""
    _unbounded(meters=1 << 40)


@lets("bytes_without_end")
def bytes_not_bounded():
    """It may send any number of bytes that are no telegrams."""
    _unbounded(other=1 << 40, bytes=1 << 40)


@lets("thousands_of_gaps")
def gaps_not_bounded():
    """It may leave any number of gaps."""
    _unbounded(gaps=1 << 40)


@lets("hundreds_of_epochs")
def epochs_not_bounded():
    """It may begin any number of rings."""
    _unbounded(epochs=1 << 40)


@lets("thousands_of_boots")
def boots_not_bounded():
    """Any number of its boots waits for a time."""
    _unbounded(boots=1 << 40)


@lets("tags_that_become_objects", quick=True)
def any_cbor():
    """Records are read by a decoder that makes objects of tags."""
    import io

    import cbor2

    def plain(data, at):
        stream = io.BytesIO(data)
        stream.seek(at)
        try:
            return cbor2.CBORDecoder(stream).decode(), stream.tell()
        except Exception:  # noqa: BLE001 - as the reader was before
            return None, len(data)
    _replace("data.records:_plain", plain)


@lets("oversized_bodies")
def any_body():
    """Bodies are read whatever their length."""
    async def read_body(request, most=0):
        return await request.read()
    _replace("edge.ingest:read_body", read_body)


# --- pages and people

@lets("changes_from_another_site", quick=True)
def any_site():
    """Changes need no token and no origin."""
    async def may_change(self, request, who):
        return None
    _replace("web.gate:Gate._may_change", may_change)


@lets("roles_beyond_their_own", quick=True)
def any_role():
    """Every route is for whoever is logged in."""
    roles = importlib.import_module("cloud_receiver.office.roles")
    access = importlib.import_module("cloud_receiver.web.access")
    real = access.rule

    def rule(request):
        found = real(request)
        return found if found is roles.OPEN else frozenset(roles.ROLES)
    access.rule = rule


@lets("every_page_without_a_session")
def tokens_without_end():
    """API tokens that have ended or expired are good."""
    accounts = importlib.import_module("cloud_receiver.office.accounts")

    def bearer(self, token, now):
        row = self.db.execute("SELECT name, role, 'token', '', NULL FROM api_tokens WHERE hash = ?",
                              (accounts.secret_hash(token),)).fetchone()
        return None if row is None else accounts.Who(*row)
    _replace("office.accounts:Accounts.bearer", bearer)


@lets("script_in_what_gateways_say", quick=True)
def texts_as_they_are():
    """Pages write texts as they are."""
    jinja2 = importlib.import_module("cloud_receiver.web.pages").jinja2
    real = jinja2.Environment

    class Environment(real):
        def __init__(self, **options):
            super().__init__(**{**options, "autoescape": False, "bytecode_cache": None})
    jinja2.Environment = Environment


@lets("paths_out_of_their_folder")
def any_file_of_a_release():
    """A release's file is whatever its name leads to."""
    def file(self, version, name):
        path = self.folder / version / name
        return path if path.is_file() else None
    _replace("office.releases:Releases.file", file)


@lets("statements_in_queries")
def order_as_asked():
    """A list is sorted by what the request says."""
    for module in ("stores.queries.rows", "stores.queries.meters", "stores.queries.gateways", "stores.queries.alarms"):
        _replace(module + ":order", lambda orders, name, otherwise: (f"{name.lstrip('-')}, ", ""))


@lets("formulas_in_exports")
def cells_as_they_are():
    """Cells of an export are written as they are."""
    import csv
    import io

    def csv_text(rows):
        out = io.StringIO()
        csv.writer(out, lineterminator="\r\n").writerows(rows)
        return out.getvalue()
    _replace("web.export:csv_text", csv_text)


@lets("session_made_by_others")
def sessions_go_on():
    """Logging out ends no session."""
    _replace("office.accounts:Accounts.end", lambda self, cookie: None)


@lets("home_of_another")
def any_link():
    """A secret that is none leads to some home."""
    homes = importlib.import_module("cloud_receiver.office.homes")
    real = homes.Homes.by_link
    _replace("office.homes:Homes.by_link", lambda self, secret: real(self, secret) or self._db.execute(
        "SELECT gateway, since FROM homes ORDER BY since LIMIT 1").fetchone())


@lets("keys_in_the_open")
def keys_in_the_log():
    """The decoder logs the keys it reads."""
    decoder = importlib.import_module("cloud_receiver.decoding.decoder")
    real = decoder.Decoder._new_keys

    def new_keys(self):
        changed = real(self)
        for meter in changed or ():
            decoder.log.warning("new key of %s: %s", meter, [k.key.hex() for k in self._keys.get(meter, ())])
        return changed
    decoder.Decoder._new_keys = new_keys


@lets("without_the_works_ca")
def without_tls():
    """The port of the gateways speaks plain HTTP."""
    async def listen(self, sock):
        await self._servers.listen(self.app(), sock, None)
    _replace("edge.devices:Devices.listen", listen)


@lets("electricity_of_another_home")
def electricity_on_pages():
    """The works' pages show a home's electricity."""
    async def gateway(self, request):
        from aiohttp import web
        rows = await self.store.read(lambda db: db.execute("SELECT hour, import_wh FROM home_hours").fetchall())
        return web.Response(text=str(rows))
    _replace("features.gateways.api:Api.gateway", gateway)


@lets("revoked_gateway_goes_on")
def revocations_ignored():
    """A revoked gateway is served."""
    ingest = importlib.import_module("cloud_receiver.edge.ingest")
    real = ingest.Ingest.__init__

    def made(self, works, store, clock, revoked, *more):
        real(self, works, store, clock, dict, *more)
    ingest.Ingest.__init__ = made


@lets("what_an_erasure_leaves")
def nothing_erased():
    """An erasure forgets nothing."""
    _replace("stores.jobs.erase:erase", lambda *_: None)
