"""Only what is configured is imported on a device: the real MicroPython says what it has loaded."""

import sys
from pathlib import Path

# At the end: bench/han.py must not be taken for amshan's package `han`.
sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "bench"))

import footprint  # noqa: E402

RADIO = {"radios": footprint.HOME["radios"]}
DECODING = ("firmware.home.own_meters", "wmbus.decoder", "wmbus.vif", "wmbus.plan", "wmbus.security", "wmbus.drivers")
HAN = ("firmware.home.han_port", "han_reader.hour", "han_reader", "han_reader.framing", "han_reader.lists")
# What a home with a Norwegian meter and one water meter never needs: other dialects, other makers, other tools, the
# ways of running it does not use.
NEVER = ("han_reader.p1", "han_reader.p1_list", "han_reader.mbus", "han_reader.dissect", "han_reader.capture",
         "han_reader.security", "wmbus.dissect", "wmbus.s1", "wmbus.wired", "wmbus.prios", "wmbus.fragments",
         "wmbus.modes", "wmbus.compact", "wmbus.profiles", "wmbus.rest",
         "firmware.setup.enrol", "firmware.home.wipe", "firmware.sntp", "firmware.update.install",
         "firmware.update.slots",
         "firmware.uplink.fetch", "firmware.boot", "firmware.radios.rtlwmbus", "firmware.uplink.wifi",
         "firmware.port.wifi", "firmware.port.supply", "firmware.boards.pow")


def loaded(config):
    return footprint.measure(None, config)["loaded"]


def test_a_home_loads_what_it_is_configured_for():
    modules = loaded(footprint.HOME)
    assert set(DECODING + HAN) <= set(modules)
    assert [m for m in NEVER if m in modules] == []
    assert [m for m in modules if m.startswith("wmbus.drivers.")] == ["wmbus.drivers.kam"]
    assert [m for m in modules if m.startswith("firmware.radios.")] == ["firmware.radios.bursts"]


def test_a_gateway_that_only_relays_loads_no_decoder_and_no_han_reader():
    modules = loaded(RADIO)
    assert [m for m in modules if m in DECODING + HAN + NEVER or m.startswith(("han_reader", "wmbus.drivers"))] == []


def test_a_reader_of_the_han_port_only_loads_no_radio_and_no_decoder():
    modules = loaded({"han": footprint.HOME["han"]})
    assert set(HAN) <= set(modules)
    assert [m for m in modules if m in DECODING + NEVER or m.startswith("firmware.radios")] == []


def test_the_check_sees_what_is_loaded():
    """Known-bad: another radio's module shows."""
    modules = loaded({"radios": [{"radio": "rtlwmbus", "port": "tcp://127.0.0.1:1"}]})
    assert "firmware.radios.rtlwmbus" in modules and "firmware.radios.bursts" not in modules


def test_what_is_used_rarely_is_dropped_again():
    sizes = footprint.measure(None, footprint.HOME)
    dropped = {name for name, _heap in sizes["heap"]} - set(sizes["kept"])
    assert {"wmbus.vif", "han_reader.lists", "han_reader.layout", "firmware.config", "firmware.start",
            "firmware.crypto.ed25519", "firmware.wire.envelope", "han_reader.walk", "wmbus.layouts", "wmbus.media",
            "wmbus.records"} <= dropped
    # And nobody holds it: far more than the names is gone.
    assert sizes["first"] - sizes["live"] > 40000
