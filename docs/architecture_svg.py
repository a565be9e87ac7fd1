"""Draws docs/architecture.svg from the imports of the code: each room with what it is and the rooms it imports.

    python docs/architecture_svg.py            # writes the picture anew
    python docs/architecture_svg.py --check    # exit status 1 where the picture is not that of the code

Where a room stands and what it is called is told here; who imports whom is read from the code (tests/test_imports.py).
"""

import argparse
import sys
from html import escape
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

import test_imports  # noqa: E402

WIDTH, LEFT, GAP, BOX, HIGH = 1180, 20, 14, 96, 24
# Storeys from the top: (house, [(room, what it is), ...]). A room is a folder, or a folder's own files.
STOREYS = (
    ("tools: the netti command", (
        ("tools", "commands, demo, simulate, captures, release"),)),
    ("cloud_receiver: the receiver", (
        ("cloud_receiver", "wiring: app, processes, works"),)),
    ("", (
        ("cloud_receiver/features", "a folder each: overview, meters, alarms, gateways, home, users, account, audit, "
                                    "notices"),)),
    ("", (
        ("cloud_receiver/operations", "backup, health, metrics, logs, keeping"),
        ("cloud_receiver/web", "frame of pages and API, gate, words"))),
    ("", (
        ("cloud_receiver/edge", "what gateways reach: batches, enrolment, releases"),)),
    ("", (
        ("cloud_receiver/decoding", "telegrams into readings, with the works' keys"),
        ("cloud_receiver/stores", "the contract; SQLite, PostgreSQL; jobs, queries"))),
    ("", (
        ("cloud_receiver/office", "what people decide: keys, orders, accounts, trust"),
        ("cloud_receiver/data", "pure: records, hours, clocks, alarms"))),
    ("firmware: the gateway", (
        ("firmware", "main, boot, start; gateway: telegrams, tasks, orders"),
        ("firmware/setup", "enrolment"),
        ("firmware/update", "signed releases, slots"))),
    ("", (
        ("firmware/home", "own meters, HAN port, history"),
        ("firmware/uplink", "batches over HTTPS, Wi-Fi"),
        ("firmware/spool", "records that survive a power cut"),
        ("firmware/crypto", "Ed25519, SHA-512"))),
    ("", (
        ("firmware/wire", "the contract: records, envelope, orders; pure, for both ends"),
        ("firmware/port", "the runtimes' differences"),
        ("firmware/radios", "a receiver's stream into telegrams"),
        ("firmware/boards", "pins"),
        ("firmware/control", "loads and valve: empty yet"))),
    ("codecs: bytes into values, no I/O, both runtimes", (
        ("wmbus", "link, transport, security, records, drivers"),
        ("han_reader", "HDLC, DLMS, P1"),
        ("zigbee", "ZCL, BTHome"))),
)
# The longest first: a file belongs to the deepest room it lies in.
ROOMS = sorted((room for _, rooms in STOREYS for room, _ in rooms), key=lambda r: -len(r))
COLOURS = ("#2563a8", "#0f766e", "#9a5b00", "#7a3fa0", "#b02a4c", "#3f6b1f", "#5b5b6b")


def room_of(path: str) -> "str | None":
    """The room a file lies in."""
    return next((room for room in ROOMS if path.startswith(room + "/")), None)


def arrows() -> "dict[str, list[str]]":
    """{room: the rooms it imports}, from the code."""
    tree = test_imports.Tree(("tools", "cloud_receiver", "firmware", "han_reader", "wmbus", "zigbee"))
    between: "dict[str, set[str]]" = {room: set() for room in ROOMS}
    for path, module in tree.all():
        target = tree.modules.get(module)
        here, there = room_of(path), target and room_of(target)
        if here and there and here != there:
            between[here].add(there)
    return {room: sorted(targets, key=order) for room, targets in between.items()}


def order(room: str) -> int:
    """A room's place in the picture, from the top."""
    return [r for _, rooms in STOREYS for r, _ in rooms].index(room)


def colour(room: str) -> str:
    """The colour of a room's house."""
    houses = ["tools", "cloud_receiver", "firmware", "wmbus", "han_reader", "zigbee"]
    return COLOURS[houses.index(room.split("/")[0])]


def name(room: str) -> str:
    """A room's name: its folder's, or that of the house's own files."""
    return room.split("/")[-1] if "/" in room else {"cloud_receiver": "wiring", "firmware": "gateway"}.get(room, room)


def wrapped(text: str, most: int) -> "list[str]":
    """A text in lines of at most so many characters."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 > most and lines[-1]:
            lines.append("")
        lines[-1] = (lines[-1] + " " + word).strip()
    return lines


def box(room: str, what: str, x: float, y: float, width: float, uses: "list[str]") -> "tuple[list[str], float]":
    """A room as SVG, and how high it is."""
    lines = wrapped(what, int((width - 20) / 6.1))
    rows, at = [[]], 0.0
    for used in uses:
        long = len(name(used)) * 6.4 + 14
        if at + long > width - 20 and rows[-1]:
            rows.append([])
            at = 0.0
        rows[-1].append((at, long, used))
        at += long + 5
    high = 26 + 15 * len(lines) + (19 * len(rows) + 4 if uses else 0) + 6
    out = [f'<g id="{escape(room)}">',
           f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{high}" rx="7" class="room" '
           f'stroke="{colour(room)}"/>',
           f'<text x="{x + 10:.0f}" y="{y + 19:.0f}" class="name" style="fill:{colour(room)}">'
           f'{escape(name(room))}</text>']
    for n, line in enumerate(lines):
        out.append(f'<text x="{x + 10:.0f}" y="{y + 36 + 15 * n:.0f}" class="what">{escape(line)}</text>')
    for n, row in enumerate(rows if uses else []):
        for at, long, used in row:
            top = y + 30 + 15 * len(lines) + 19 * n
            out.append(f'<rect x="{x + 10 + at:.0f}" y="{top:.0f}" width="{long:.0f}" height="16" rx="8" '
                       f'fill="{colour(used)}"><title>{escape(room)} imports {escape(used)}</title></rect>'
                       f'<text x="{x + 10 + at + long / 2:.0f}" y="{top + 12:.0f}" class="chip">{escape(name(used))}'
                       '</text>')
    return [*out, "</g>"], high


def picture() -> str:
    """The picture."""
    imports, body, y = arrows(), [], 46.0
    for title, rooms in STOREYS:
        if title:
            y += 8
            body.append(f'<text x="{LEFT}" y="{y + 12:.0f}" class="house">{escape(title)}</text>')
            y += 22
        width = (WIDTH - 2 * LEFT - GAP * (len(rooms) - 1)) / len(rooms)
        tallest = 0.0
        for n, (room, what) in enumerate(rooms):
            drawn, high = box(room, what, LEFT + n * (width + GAP), y, width, imports[room])
            body += drawn
            tallest = max(tallest, high)
        y += tallest + GAP
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 6:.0f}" role="img" '
            'aria-label="The rooms of the code, from the top floor down, each with the rooms it imports">\n'
            "<style>text{font-family:system-ui,sans-serif;font-size:12px;fill:#222}"
            ".name{font-size:15px;font-weight:600}.house{font-size:13px;font-weight:600;fill:#555}.room{fill:#fff;stroke-width:1.5}"
            ".chip{fill:#fff;font-size:10.5px;text-anchor:middle}.what{fill:#444}</style>\n"
            f'<rect width="{WIDTH}" height="{y + 6:.0f}" fill="#f6f6f4"/>\n'
            f'<text x="{LEFT}" y="30">Each room names, in chips, the rooms that its code imports. In the receiver no '
            "chip names a room of the same floor or above.</text>\n")
    return head + "\n".join(body) + "\n</svg>\n"


def main() -> int:
    """Write the picture, or compare it."""
    parser = argparse.ArgumentParser(description="the picture of docs/architecture.md, from the code's imports")
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 where it differs")
    args = parser.parse_args()
    file, drawn = HERE / "architecture.svg", picture()
    if args.check:
        same = file.exists() and file.read_text(encoding="utf-8") == drawn
        print("the picture is that of the code" if same else "draw it anew: python docs/architecture_svg.py")
        return 0 if same else 1
    file.write_text(drawn, encoding="utf-8")
    print(f"wrote {file.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
