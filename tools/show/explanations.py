"""An explained frame for people: a line for each span, coloured by layer, offsets as the faults count them.

Bytes that were sent encrypted are shown decrypted, in italics; cipher text nobody has the key to is shown as it is.
"""

from typing import Iterator

from ..captures.explaining import Explanation, Span
from .readings import Line

BYTES = 8  # a line
TEXT = 60  # characters of P1 shown as text; more are shown as bytes
COLOURS = {"dll": "blue", "hdlc": "blue", "mbus": "blue", "ell": "magenta", "afl": "magenta", "block": "magenta",
           "llc": "magenta", "cipher": "magenta", "tpl": "yellow", "apdu": "yellow", "data": "green", "list": "green",
           "p1": "green", "maker": "cyan", "sealed": "red", "rest": "bright_black"}


def lines(it: Explanation) -> "list[Line]":
    """The whole explanation, line by line."""
    out: "list[Line]" = [[(it.meter or "unnamed meter", "bold"), (f"  {it.where}" if it.where else "", "dim")]]
    layers = max([len(span.layer) for span in it.spans], default=0)
    layer = ""
    for span in it.spans:
        out += _span(span, span.layer if span.layer != layer else "", layers)
        layer = span.layer
    if it.kind:
        out.append([(f"{it.kind}: ", "bold red"), (it.fault, "")])
    if it.driver:
        name = it.meter.split("-")[0].lower()
        out.append([])
        out.append([(f"No driver knows this meter. To start one, save this as wmbus/drivers/{name}.py:", "bold")])
        out += [[(row, "")] for row in ["", *it.driver.rstrip().splitlines()]]
    return out


def _span(span: Span, layer: str, layers: int) -> "list[Line]":
    colour = COLOURS.get(span.layer, "")
    style = colour + (" italic" if span.plain != span.sent else "")
    out: "list[Line]" = []
    for at, part in _parts(span):
        first = at == 0
        out.append([(f"  {layer if first else '':{layers}}", colour), (f" {span.start + at:4}", "dim"),
                    (f"  {part:{3 * BYTES - 1}}", style), (f"  {span.meaning}" if first and span.meaning else "", "")])
    return out


def _parts(span: Span) -> "Iterator[tuple[int, str]]":
    """The rows of a span's bytes: in hex, or the text of a line of P1."""
    if span.layer == "p1":
        text = span.plain.decode("latin-1").replace("\r", "").replace("\n", "")
        if text.isprintable() and len(text) <= TEXT:
            yield 0, text
            return
    for at in range(0, len(span.plain), BYTES):
        yield at, span.plain[at:at + BYTES].hex(" ").upper()
