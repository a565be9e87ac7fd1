"""Draws docs/wiring/NAME.svg, how a board is wired up, from each file of firmware/boards/.

    python docs/wiring_svg.py            # writes the pictures anew
    python docs/wiring_svg.py --check    # exit status 1 where one is not that of its board

Which pin goes where is in the board's file; what stands at the far end, and what a maker has soldered already, is here.
"""

import argparse
import sys
from html import escape
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from firmware import boards  # noqa: E402

WIDTH, PITCH, TOP = 900, 26, 104
LEFT, MIDDLE, RIGHT = (20, 210), (325, 240), (680, 200)  # x and width of the three boxes
WIRES = ("#1d6fb8", "#b45309", "#0f766e", "#8a3ea8", "#b02a4c", "#4d7c0f", "#5b5b6b")
POWER, GROUND = "#c81e1e", "#222222"
# Of each radio chip: what a module's pins are called, in the order of RADIO.
RADIOS = {
    "cc1101": ("CC1101, 868 MHz", ("SCK", "MOSI (SI)", "MISO (SO)", "CSN", "GDO0", "GDO2")),
    "sx1262": ("SX1262", ("SCK", "MOSI", "MISO", "NSS", "RESET", "BUSY", "DIO1")),
    "sx1276": ("SX1276", ("SCK", "MOSI", "MISO", "NSS", "RESET", "DIO0", "DIO2")),
}
# Of each front end: what it is, its output, the power it takes ("" from the meter), what it is plugged into.
FRONTS = {
    "mbus": ("M-Bus adapter (slave)", "TX", "3V3", "HAN port of the meter (RJ45): bus on pins 1 and 2"),
    "p1": ("P1 lead with inverter", "DATA", "3V3", "P1 port (RJ12): data on 5, request on 2 to 5 V"),
    "ttl": ("Socket in the meter", "DATA", "", "the connector inside the meter"),
    "rs232": ("RS-232 adapter", "TX", "3V3", "RS-232 of the meter"),
}
SOLDERED_RADIO = ("tembed", "heltecv3", "t3s3", "t3v161")
SOLDERED_HAN = ("pow", "powk", "powu", "powp1")


def load(name: str) -> "dict":
    """A board's fields."""
    module = __import__("firmware.boards." + name, None, None, ("CHIP",))
    return {field: getattr(module, field) for field in dir(module) if field.isupper()}


def names() -> "list[str]":
    """The names of all boards."""
    return sorted(p.stem for p in Path(str(boards.__file__)).parent.glob("*.py") if p.stem != "__init__")


# Where a Raspberry Pi's GPIO is on its header of 40 pins (pinout.xyz), and the power beside it.
HEADER = {8: 24, 9: 21, 10: 19, 11: 23, 14: 8, 15: 10, 24: 18, 25: 22, "3V3": 17, "GND": 20}


def pin_name(board: "dict", pin: "int | str") -> str:
    """What is printed beside a board's pin, and where that is, as far as is known."""
    if board["CHIP"] == "linux":
        return "%s, pin %d" % (pin if isinstance(pin, str) else "GPIO%d" % pin, HEADER[pin])
    return pin if isinstance(pin, str) else "IO%d" % pin


def han_wires(name: str, board: "dict") -> "list[tuple[str, str, str]]":
    """[(at the front end, at the board, colour)]."""
    if "HAN" not in board:
        return []
    _, rx, tx, _, front = board["HAN"]
    _, out, power, _ = FRONTS[front]
    wires = [(out, pin_name(board, rx), WIRES[0])]
    if tx is not None and name in SOLDERED_HAN:  # else it is only kept free: a HAN port is not spoken to
        wires.append(("RX", pin_name(board, tx), WIRES[1]))
    if power and name not in SOLDERED_HAN:
        wires.append(("VCC", pin_name(board, power), POWER))
    return [*wires, ("GND", pin_name(board, "GND"), GROUND)]


def radio_wires(board: "dict") -> "list[tuple[str, str, str]]":
    """[(at the board, at the radio, colour)]."""
    wires = []
    if "RADIO" in board:
        pins = zip(RADIOS[board["RADIO"][0]][1], board["RADIO"][2:])
        wires = [(pin_name(board, pin), what, WIRES[n % len(WIRES)]) for n, (what, pin) in enumerate(pins)
                 if pin is not None]
    if not wires:
        return []
    return [*wires, (pin_name(board, "3V3"), "VCC (3.3 V)", POWER), (pin_name(board, "GND"), "GND", GROUND)]


def box(at: "tuple[int, int]", high: int, title: str, dashed: bool = False) -> "list[str]":
    """A box with its title."""
    x, width = at
    middle = x + width / 2
    return [f'<rect x="{x}" y="60" width="{width}" height="{high}" rx="9" class="box{" there" if dashed else ""}"/>',
            f'<text x="{middle:.0f}" y="84" class="title">{escape(title)}</text>']


def wire(x1: int, x2: int, row: int, names_: "tuple[str, str]", colour: str, dashed: bool) -> "list[str]":
    """A wire between two boxes, its ends' names inside them."""
    y = TOP + PITCH * row
    return [f'<path d="M{x1} {y} H{x2}" stroke="{colour}" class="wire{" there" if dashed else ""}"/>',
            f'<circle cx="{x1}" cy="{y}" r="4" fill="{colour}"/><circle cx="{x2}" cy="{y}" r="4" fill="{colour}"/>',
            f'<text x="{x1 - 9}" y="{y + 4}" class="pin end">{escape(names_[0])}</text>',
            f'<text x="{x2 + 9}" y="{y + 4}" class="pin">{escape(names_[1])}</text>']


def remarks(name: str, board: "dict") -> "list[str]":
    """What stands under the picture."""
    out = []
    if "LED" in board:
        pin, level = board["LED"]
        lit = "an RGB LED" if level == "rgb" else "lit by a %s level" % ("high" if level else "low")
        out.append("Lamp of the blink codes: %s, %s." % (pin_name(board, pin), lit))
    else:
        out.append("It has no lamp that Netti could blink with.")
    if "BUTTON" in board:
        out.append("Button: %s." % pin_name(board, board["BUTTON"][0]))
    if "SUPPLY" in board:
        out.append("Measures its supply at %s." % pin_name(board, board["SUPPLY"][0]))
    if "RADIO_UART" in board:
        out.append("A UART radio module instead: its TX to %s, its RX to %s." % tuple(
            pin_name(board, pin) for pin in board["RADIO_UART"][1:]))
    if name in SOLDERED_RADIO or name in SOLDERED_HAN:
        out.append("Dashed: on the board already.")
    return out


def picture(name: str) -> str:
    """The picture of a board."""
    board = load(name)
    han, radio = han_wires(name, board), radio_wires(board)
    high = max(PITCH * max(len(han), len(radio), 2) + 40, 110)
    chip = "Raspberry Pi" if board["CHIP"] == "linux" else board["CHIP"].upper().replace("ESP32", "ESP32-").rstrip("-")
    body = box(MIDDLE, high, chip)
    there = name in SOLDERED_HAN
    if han:
        title, _, _, plug = FRONTS[board["HAN"][4]]
        if there and board["HAN"][4] != "ttl":
            title = title.split()[0] + " front end"
        body += box(LEFT, high, title, there)
        for n, (at_front, at_board, colour) in enumerate(han):
            body += wire(LEFT[0] + LEFT[1], MIDDLE[0], n, (at_front, at_board), colour, there)
        body.append(f'<text x="{LEFT[0]}" y="{high + 82}" class="under start">{escape("from " + plug)}</text>')
    there = name in SOLDERED_RADIO
    if radio:
        body += box(RIGHT, high, RADIOS[board["RADIO"][0]][0], there)
        for n, (at_board, at_radio, colour) in enumerate(radio):
            body += wire(MIDDLE[0] + MIDDLE[1], RIGHT[0], n, (at_board, at_radio), colour, there)
        body.append(f'<path d="M{RIGHT[0] + RIGHT[1] - 24} 60 V30 M{RIGHT[0] + RIGHT[1] - 34} 22 l10 10 l10 -10" '
                    'class="aerial"/>')
        body.append(f'<text x="{RIGHT[0] + RIGHT[1]}" y="{high + 82}" class="under end">aerial: 82 mm '
                    'for 868 MHz</text>')
    below = high + 112
    for n, line in enumerate(remarks(name, board)):
        body.append(f'<text x="{LEFT[0]}" y="{below + 20 * n}" class="remark">{escape(line)}</text>')
    tall = below + 20 * len(remarks(name, board))
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {tall}" role="img" '
            f'aria-label="{escape(aria(board, han, radio))}">\n'
            "<style>text{font-family:system-ui,sans-serif;font-size:13px;fill:#222}.head{font-size:18px;font-weight:600}"
            ".title{font-weight:600;text-anchor:middle}.under{fill:#555;font-size:12px;text-anchor:middle}"
            ".start{text-anchor:start}.end{text-anchor:end}.box{fill:#fff;stroke:#444;stroke-width:1.5}"
            ".wire{fill:none;stroke-width:3}.there{stroke-dasharray:7 5}.pin{font-size:12.5px}"
            ".aerial{fill:none;stroke:#444;stroke-width:2}</style>\n"
            f'<rect width="{WIDTH}" height="{tall}" fill="#f6f6f4"/>\n'
            f'<text x="{LEFT[0]}" y="36" class="head">{escape(board["NAME"])}</text>\n')
    return head + "\n".join(body) + "\n</svg>\n"


def aria(board: "dict", han: "list", radio: "list") -> str:
    """The picture in words."""
    words = ["%s to %s of the HAN adapter" % (at_board, at_front) for at_front, at_board, _ in han]
    words += ["%s to %s of the radio" % (at_board, at_radio) for at_board, at_radio, _ in radio]
    return board["NAME"] + ": " + ", ".join(words)


def main() -> int:
    """Write the pictures, or compare them."""
    parser = argparse.ArgumentParser(description="the pictures of docs/gateway.md, from the boards' files")
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 where one differs")
    args = parser.parse_args()
    folder = HERE / "wiring"
    drawn = {name + ".svg": picture(name) for name in names()}
    there = {p.name: p.read_text(encoding="utf-8") for p in folder.glob("*.svg")} if folder.exists() else {}
    if args.check:
        other = sorted(name for name in {*drawn, *there} if drawn.get(name) != there.get(name))
        print("draw them anew: python docs/wiring_svg.py (%s)" % ", ".join(other) if other else "all as the boards are")
        return 1 if other else 0
    folder.mkdir(exist_ok=True)
    for name in set(there) - set(drawn):
        (folder / name).unlink()
    for name, text in drawn.items():
        (folder / name).write_text(text, encoding="utf-8")
    print("wrote %d pictures" % len(drawn))
    return 0


if __name__ == "__main__":
    sys.exit(main())
