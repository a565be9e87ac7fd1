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
        ("media_filter", "other_media_relayed", False), ("own_plain", "own_meter_forged_at_home", False),
        ("one_place", "replays_take_the_place", False), ("anchors", "receiver_of_a_stranger", True)):
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
    owner = importlib.import_module(module if module.startswith(("firmware", "wmbus")) else "cloud_receiver." + module)
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
    real = importlib.import_module("cloud_receiver.office.enrolled").Enrolled.use_token

    def use_token(self, secret, *arguments):
        real(self, secret, *arguments)
        return True
    _replace("office.enrolled:Enrolled.use_token", use_token)


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


@lets("latest_played_again_while_it_is_silent")
def last_telegrams_forgotten():
    """The last access numbers of a meter at rest are not looked at."""
    _replace("data.plausible:repeats", lambda *_: False)


@lets("yesterday_with_another_status")
def altered_replays_tell():
    """The same, seen by another attack."""
    _replace("data.plausible:step", lambda *_: "")


@lets("replay_ends_an_alarm")
def replays_entered():
    """What is played again is entered like what is new, and tells of alarms."""
    _replace("data.plausible:step", lambda *_: "")
    _replace("data.plausible:repeats", lambda *_: False)
    _replace("stores.jobs.rising:is_stored", lambda *_: False)


@lets("bits_flipped_in_cipher_text")
def any_total():
    """A total may be anything."""
    _replace("data.plausible:step", lambda *_: "")
    _replace("data.plausible:in_range", lambda *_: True)


@lets("yesterdays_hours_rewritten")
def judged_by_the_latest():
    """A reading that comes late is judged by nothing."""
    _replace("stores.jobs.rising:neighbours", lambda *_: [])


@lets("hours_before_it_began")
def late_readings_unjudged():
    """The same, seen by another attack."""
    _replace("stores.jobs.rising:neighbours", lambda *_: [])


# --- times (stores/jobs/times.py, matching.py)

@lets("untimed_copy_comes_first", quick=True)
def untimed_takes_in_others():
    """A reception without a time is that of whoever hears the same."""
    _replace("stores.jobs.matching:same_telegram", lambda candidates, data, time, gateway: next(
        (c for c in candidates if c.data == data), None))


@lets("boot_dated_back")
def any_gateway_times():
    """A gateway's clock moves what others have heard, and takes them in while it has none."""
    untimed_takes_in_others()
    _replace("stores.jobs.times:stands", lambda receptions, gateway: False)


@lets("readings_from_the_future")
def future_believed():
    """A day ahead is believed."""
    _replace("stores.jobs.times:AHEAD_S", 86_400)


# --- the codec, and what the decoder does with it

def _lenient(data, keys, formats):
    """As decoding was: what does not open is read as a capture that somebody decrypted."""
    wmbus = importlib.import_module("wmbus")
    aes = importlib.import_module("cloud_receiver.decoding.aes").aes
    for key in keys:
        try:
            return wmbus.decode(data, key, aes, formats)
        except (wmbus.WrongKey, wmbus.Unsealed):
            pass
    return wmbus.decode(data, None, aes, formats, True)


def _read_in_plain():
    _replace("decoding.opening:_read", _lenient)


for _name, _attack, _quick in (
        ("plain_read_mode7", "mode7_plain_behind_an_empty_mac", False), ("plain_read_ell", "ell_in_plain", False),
        ("plain_read_mode5", "mode5_in_plain", True), ("plain_read", "plain_telegram_of_a_keyed_meter", True),
        ("plain_read_long", "plain_behind_another_address", False),
        ("plain_read_fragments", "fragments_of_others", False)):
    MUTANTS[_name] = Mutant(_attack, "receiver", _quick, _read_in_plain)


@lets("plain_compact_frame")
def plain_read_compact():
    """Compact frames in plain are read, and what must rise is not looked for in them."""
    _read_in_plain()
    _replace("data.plausible:rises", _entered)


@lets("mode7_short_mac")
def two_bytes_of_mac():
    """A MAC of two bytes will do."""
    _replace("wmbus.modes:LEAST_MAC", 2)
    _replace("wmbus.modes:CMAC", (3, 4, 5, 6, 7))


@lets("mode7_mac_taken_out")
def no_mac():
    """Mode 7 without a MAC is read."""
    modes = importlib.import_module("wmbus.modes")
    modes.LEAST_MAC = 0
    modes.has_mac = lambda layers: True
    real = modes.authenticate

    def authenticate(layers, key, aes):
        right, encryption = real(layers, key, aes)
        return right or not layers.afl[4], encryption
    modes.authenticate = authenticate


@lets("mode10_without_its_tag")
def no_tag():
    """The tag of mode 10 is not looked at."""
    modes = importlib.import_module("wmbus.modes")

    def ccm(cipher, nonce, header, body):
        sealed = body[:-8]
        blocks = b"".join(b"\1" + nonce + bytes((n >> 8, n & 255)) for n in range(1 + (len(sealed) + 15) // 16))
        return modes.xor(cipher.ecb_encrypt(blocks)[16:16 + len(sealed)], sealed)
    modes.ccm = ccm


@lets("format_from_a_plain_full_frame")
def formats_from_plain_text():
    """A meter's plain full frames teach its compact ones, and what must rise is not looked for."""
    _read_in_plain()
    _replace("data.plausible:rises", _entered)


@lets("mutated_telegrams")
def one_telegram_costs_all():
    """What a telegram raises is not caught."""
    opening = importlib.import_module("cloud_receiver.decoding.opening")

    def decode(keys, data, formats, assembler):
        return opening.DECODED, opening._read(data, keys, formats), None
    opening.decode = decode


@lets("plain_tail_behind_cipher_text")
def tail_read():
    """What follows the encrypted records in plain is read like them."""
    _replace("wmbus.blocks:bound", lambda layers, end: None)
    for module in ("wmbus.security", "wmbus.modes"):
        owner = importlib.import_module(module)
        if hasattr(owner, "bound"):
            owner.bound = lambda layers, end: None


@lets("plain_telegram_is_hidden")
def unsealed_not_told():
    """What comes unsealed is a telegram that cannot be decoded like any other."""
    opening = importlib.import_module("cloud_receiver.decoding.opening")
    opening.UNSEALED = opening.UNDECODABLE


def _common_formats():
    formats = importlib.import_module("cloud_receiver.decoding.formats")
    common = formats.Formats()
    formats.Learnt.of = lambda self, meter, keyed: common


@lets("learned_format_of_another_meter")
def formats_of_all():
    """A format is every meter's, whoever taught it."""
    _common_formats()


@lets("shipped_format_displaced")
def formats_displace():
    """The same, and what was taught goes before what is shipped."""
    _common_formats()
    compact = importlib.import_module("wmbus.compact")
    real, learn = compact.expand, importlib.import_module("wmbus.decoder")
    compact.expand = lambda layers, formats, shipped: real(layers, {}, {**shipped, **formats})

    def learnt(formats, plan, shipped):
        formats[plan.signature] = plan.heads
    learn.learn = learnt


def _alarms_of_what_does_not_open(data, keys, formats):
    wmbus = importlib.import_module("wmbus")
    aes = importlib.import_module("cloud_receiver.decoding.aes").aes
    try:
        return wmbus.decode(data, keys[0], aes, formats)
    except (wmbus.WrongKey, wmbus.Unsealed):
        return {"alarms": wmbus.alarms(wmbus.summary(data))}


@lets("alarm_ended_by_what_does_not_open")
def unopened_ends():
    """The plain status byte of what does not open tells of alarms."""
    _replace("decoding.opening:_read", _alarms_of_what_does_not_open)


@lets("alarm_raised_by_what_does_not_open")
def unopened_raises():
    """The same, seen by another attack."""
    _replace("decoding.opening:_read", _alarms_of_what_does_not_open)


# --- connections and attempts (edge/, features/account/limits.py)

@lets("connections_that_say_nothing")
def no_deadlines():
    """No connection is overdue."""
    _replace("edge.connections:Connections.look", lambda self: self._look_again())


@lets("thousands_of_idle_connections")
def connections_without_bounds():
    """There is always room for one more connection."""
    _replace("edge.connections:Connections.room", lambda self, sender: True)


@lets("gateways_locked_out")
def failures_shut_an_address_out():
    """An address that failed is not listened to, whoever speaks there."""
    ingest = importlib.import_module("cloud_receiver.edge.ingest")
    real = ingest.Ingest._take

    async def take(self, request):
        wait = self.by_address.wait(ingest.prefix(request.remote or ""))
        if wait:
            raise ingest.Refused(429, "too many failed batches from this address", wait)
        return await real(self, request)
    ingest.Ingest._take = take


@lets("an_ipv6_network_tries")
def each_address_a_sender():
    """Each address of a network is a sender of its own."""
    _replace("edge.ingest:prefix", lambda address: address)


@lets("owner_kept_logged_out")
def log_ins_by_name():
    """Attempts are counted by the name alone."""
    _replace("features.account.limits:Limits.key", lambda self, name, whence: name)


# --- bounds (data/bounds.py)

def _unbounded(**fields):
    bounds = importlib.import_module("cloud_receiver.data.bounds")
    bounds.HOME = bounds.HOME._replace(**fields)
    bounds.KINDS["home"] = bounds.HOME


@lets("invented_meters")
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


@lets("numbers_near_the_end")
def any_number():
    """A record may have any number that fits eight bytes."""
    for module in ("firmware.wire", "firmware.wire.envelope"):
        _replace(module + ":LAST_SEQ", (1 << 64) - 1)


@lets("thousands_of_boots")
def boots_not_bounded():
    """Any number of its boots waits for a time."""
    _unbounded(boots=1 << 40)


@lets("tags_that_become_objects")
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


@lets("script_in_what_gateways_say")
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


@lets("second_factor_gone_around")
def nobody_has_one():
    """The second factor is asked of nobody."""
    _replace("office.second_factor:SecondFactors.has", lambda self, user: False)


@lets("home_of_another")
def any_link():
    """A secret that is none leads to some home."""
    homes = importlib.import_module("cloud_receiver.office.homes")
    real = homes.Homes.by_link
    _replace("office.homes:Homes.by_link", lambda self, secret: real(self, secret) or self._db.execute(
        "SELECT gateway, since FROM homes ORDER BY since LIMIT 1").fetchone())


@lets("keys_in_the_open")
def keys_told():
    """The decoder says which keys it reads, past the log, which would take them out."""
    import sys
    decoder = importlib.import_module("cloud_receiver.decoding.decoder")
    real = decoder.Decoder._new_keys

    def new_keys(self):
        changed = real(self)
        for meter in changed or ():
            print(meter, *(k.key.hex() for k in self._keys.get(meter, ())), file=sys.stderr, flush=True)
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


# Jobs go to the writer's process by their names, so what is in their place has one here.

def _no_quarantine(db, gateway, act, since, before, most=0):
    return None


def _no_scrub(db, most):
    return []


def _no_erase(db, gateway, meters, before, after, most=0):
    return None


@lets("revoked_since_the_theft")
def stolen_not_set_aside():
    """What a stolen gateway sent stays in the readings."""
    _replace("stores.jobs.quarantine:quarantine", _no_quarantine)


@lets("what_an_erasure_leaves")
def not_written_anew():
    """A store is not written anew after an erasure."""
    _replace("stores.jobs.scrub:scrub", _no_scrub)


@lets("what_an_erasure_leaves")
def nothing_erased():
    """An erasure forgets nothing."""
    _replace("stores.jobs.erase:erase", _no_erase)
