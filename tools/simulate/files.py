"""What a simulated street leaves in a directory: keys, telegrams, HAN streams, the truth, and settings for gateways.

`telegrams.hex` has one telegram a line as sent, `rtlwmbus.csv` what the concentrator's software radio heard,
`han-DIALECT.bin` the bytes of a line, `keys.csv` what `netti keys import` reads, `truth.jsonl` what really happened.
"""

import json
from pathlib import Path
from typing import BinaryIO, TextIO

from .meters import Meter
from .serve import rtlwmbus
from .street import Site, Street


def keys_csv(meters: "list[Meter]") -> str:
    """The keys of meters as `netti keys import` reads them; meters that send in plain text have none."""
    return "meter;key\n" + "".join(f"{m.text};{m.key.hex()}\n" for m in meters if m.key)


def gateway_config(street: Street, site: Site, radio_ports, han_port, scale: float, han_send: bool = False) -> dict:
    """A config.json for a gateway at a site; the ports are URLs."""
    return {
        "kind": site.kind, "interval": 900,
        "radios": [{"radio": r.driver, "port": url} for r, url in zip(site.radios, radio_ports)],
        "han": {"port": han_port, "send": han_send} if han_port else None,
        "own_meters": [{"meter": m.text, "key": m.key.hex() if m.key else None} for m in street.own_meters(site)],
        "simulated": {"scale": int(scale)},
    }


class Files:
    """The files of one run, written as it goes."""

    def __init__(self, folder: Path, street: Street):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        (folder / "keys.csv").write_text(keys_csv(street.meters), encoding="ascii")
        self._telegrams: TextIO = (folder / "telegrams.hex").open("w", encoding="ascii")
        self._rtl: BinaryIO = (folder / "rtlwmbus.csv").open("wb")
        self._han: dict[str, BinaryIO] = {}

    def transmission(self, sent, receptions) -> None:
        """A telegram was sent, and arrived at some radios."""
        self._telegrams.write(sent.data.hex() + "\n")
        for site, r, rssi, raw, good in receptions:
            if site.radios[r].driver == "rtlwmbus":
                shown = sent.data if good else raw[4:4 + len(sent.data)]
                self._rtl.write(rtlwmbus(sent.meter.model.mode, shown, rssi, good, sent.at))

    def line(self, site: Site, raw: bytes) -> None:
        """Bytes came over a site's HAN line."""
        dialect = site.han
        if dialect not in self._han:
            self._han[dialect] = (self.folder / f"han-{dialect}.bin").open("wb")
        self._han[dialect].write(raw)

    def gateways(self, configs: "dict[str, dict]") -> None:
        """Settings for a gateway at each site."""
        (self.folder / "gateways.json").write_text(json.dumps(configs, indent=1) + "\n", encoding="ascii")

    def close(self) -> None:
        """Close all files."""
        self._telegrams.close()
        for file in (self._rtl, *self._han.values()):
            file.close()
