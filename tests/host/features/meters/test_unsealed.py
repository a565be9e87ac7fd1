"""Telegrams that name a meter with a key and are not sealed with it: on its page, in the list, in API and metrics."""

import json

from receiver_support import NOW, Meter, Running, make

KEY = bytes(range(16))
FORGED = 40_000_000  # litres, over the right hour


def test_they_are_shown_as_suspicious_and_never_read(tmp_path):
    with Running(make(tmp_path / "works")) as receiver:
        gateway, meter = receiver.enrol(), Meter(12345678, key=KEY)
        forger = Meter(12345678)
        receiver.put_key(meter)
        receiver.through(gateway.telegrams([meter.telegram(1000)], time=NOW - 600))
        receiver.through(gateway.telegrams([forger.telegram(FORGED, access=n) for n in (7, 8)], time=NOW - 500))
        found = receiver.wait_for(lambda s: s["pending"] == 0 and s["telegrams"] == 3)
        assert (found["decoded"], found["unsealed"]) == (1, 2)
        told = json.loads(receiver.web(f"/v1/meters/{meter.text}").text)
        assert (told["total_m3"], told["unsealed"], told["key"]) == (1.0, 2, "known")
        listed = json.loads(receiver.web("/v1/meters?show=unsealed").text)["meters"]
        assert [(m["id"], m["unsealed"], m["total_m3"]) for m in listed] == [(meter.text, 1, 1.0)]
        page = receiver.web(f"/meters/{meter.text}?lang=en").text
        assert "2 telegrams that name this meter were not sealed with its key" in page and "1.000 m³" in page
        assert "2 telegrammer som nevner denne måleren" in receiver.web(f"/meters/{meter.text}?lang=nb").text
        for language, word in (("en", "unsealed"), ("nb", "mistenkelig<")):
            assert word in receiver.web(f"/meters?show=unsealed&lang={language}").text
        assert "Mistenkelige telegrammer" in receiver.web("/?lang=nb").text
