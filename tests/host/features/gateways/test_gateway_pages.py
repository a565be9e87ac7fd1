"""The pages of the gateways: gaps, loss, two versions, and what came of orders."""

import pytest
from pages_rig import filled
from receiver_support import NOW, Running, make

import firmware.wire.records as records


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with filled(tmp_path_factory.mktemp("pages")) as running:
        yield running


def test_the_gateway_page_shows_gaps_loss_and_two_versions(receiver):
    text = receiver.web(f"/gateways/{receiver.gateway.id}?lang=en").text
    for what in ("never came", "overwritten", "with other content", "Fyrveien 3 &lt;b&gt;", "low &lt;script&gt;",
                 "Record of an unknown kind"):
        assert what in text, what


def test_a_list_without_gateways_says_what_to_do(tmp_path):
    with Running(make(tmp_path / "works")) as empty:
        assert "netti receiver token" in empty.web("/gateways?lang=en").text


@pytest.mark.parametrize("language, words", [
    ("en", ("close-valve", "done", "refused", "the owner has not consented")),
    ("nb", ("steng kran", "utført", "avslått", "eieren har ikke samtykket"))])
def test_what_came_of_orders_is_on_the_page(tmp_path, language, words):
    with Running(make(tmp_path / "works")) as receiver:
        gateway = receiver.enrol()

        async def order(name, arguments):
            return receiver.receiver.office.orders.make(gateway.id, name, arguments, NOW)
        for name, arguments, code in (("interval", {"seconds": 40}, 0), ("close-valve", {}, 1)):
            counter = receiver.run(order(name, arguments))
            receiver.through(gateway.batch([records.result(gateway.next(), NOW, counter, code, "")]))
        page = receiver.web(f"/gateways/{gateway.id}", headers={"Accept-Language": language}).text.lower()
        assert all(w in page for w in words), [w for w in words if w not in page]
        told = receiver.json(f"/v1/gateways/{gateway.id}")["commands"]
        assert [(c["name"], c["state"], c["result"]) for c in told] == [
            ("close-valve", "refused", "the owner has not consented"), ("interval", "done", "")]
