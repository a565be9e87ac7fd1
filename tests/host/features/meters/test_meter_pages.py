"""The pages of the meters: what is told of one, and the list, searched, filtered, sorted and paged."""

import re

import pytest
from pages_rig import METER, OPEN, WRONG, filled
from receiver_support import Meter, Running, make


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with filled(tmp_path_factory.mktemp("pages")) as running:
        yield running


def test_the_meter_page_says_what_it_knows(receiver):
    text = receiver.web(f"/meters/{METER.text}?lang=nb").text
    assert "1\xa0234,500 m³" in text and "kaldt vann" in text and "lavt batteri" in text and "trengs ikke" in text
    hours = receiver.web(f"/meters/{METER.text}?view=hours&lang=nb").text
    assert hours.count("<td class=\"num\">20</td>") == 8 and "00:00–01:00" in hours
    assert "Timesverdier kan vise når folk er hjemme" in hours
    assert "Nøkkel" in text and "importer" in receiver.web(f"/meters/{OPEN.text}?lang=nb").text.lower()
    assert "Nøkkelen i mottakeren åpner ikke" in receiver.web(f"/meters/{WRONG.text}?lang=nb").text


def test_a_list_without_meters_says_so(tmp_path):
    with Running(make(tmp_path / "works")) as empty:
        assert "No meter has been heard yet." in empty.web("/meters?lang=en").text


def test_search_filter_sort_and_pages(tmp_path):
    with Running(make(tmp_path / "works")) as receiver:
        gateway = receiver.enrol()
        for part in range(2):
            first = 40_000_000 + part * 120
            receiver.through(gateway.telegrams([Meter(first + n).telegram(n + 1) for n in range(120)]))
        receiver.wait_for(lambda s: s["decoded"] == 240)

        def numbers(query):
            return re.findall(r'<span class="number">(4\d{7})</span>', receiver.web(f"/meters{query}").text)

        assert len(numbers("")) == 100 and len(numbers("?page=3")) == 40 and numbers("?page=99") == numbers("?page=3")
        assert numbers("?q=40000017") == ["40000017"] and len(numbers("?q=kam+4000001")) == 10
        assert numbers("?sort=-id")[0] == "40000239" and numbers("?sort=nonsense")[0] == "40000000"
        assert numbers("?show=alarm") == [] and len(numbers("?show=nonsense")) == 100
