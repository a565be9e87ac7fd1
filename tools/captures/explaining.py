"""A frame byte by byte: what the codecs' `explain` says, made ready to print or to hand on as JSON.

Both codecs give spans (start, end, layer, meaning) over the frame's bytes, in order and without gaps.
"""

from typing import NamedTuple

import han_reader
import wmbus
from cloud_receiver.decoding.aes import aes

from .decoding import Decoder, Result
from .piece import AIR, AIR_S, TELEGRAM


class Span(NamedTuple):
    """Some bytes of a frame: as sent, as they are after decryption, their layer, their meaning."""

    start: int
    sent: bytes
    plain: bytes
    layer: str
    meaning: str


class Explanation(NamedTuple):
    """A frame's spans; `fault` with its kind ("key missing", "wrong key", "unsealed", "damaged") where it could not all
    be read; `driver` is the text of a driver file to start from, where no driver knows the meter."""

    where: str
    meter: str
    spans: "list[Span]"
    kind: str
    fault: str
    driver: str


def explain(result: Result, decoder: Decoder) -> "Explanation | None":
    """The explanation of a decoded frame, with the keys its decoder has; None where there are no bytes to explain."""
    piece = result.piece
    if piece is None or not result.telegram:
        return None
    if piece.kind in (TELEGRAM, AIR, AIR_S):
        return _wmbus(result, decoder)
    return _han(result, decoder)


def _wmbus(result: Result, decoder: Decoder) -> Explanation:
    layers: dict = {}
    for key in decoder.keys.of(result.meter):
        layers = wmbus.explain(result.telegram, key, aes, decoder.formats_of(result.meter), decrypted=True)
        if layers["error"] is None or layers["error"][0] not in ("wrong key", "unsealed"):
            break
    return _made(result, layers, result.telegram)


def _han(result: Result, decoder: Decoder) -> Explanation:
    return _made(result, han_reader.explain(result.telegram, decoder.ek, decoder.ak, aes), result.telegram)


def _made(result: Result, layers: dict, sent: bytes) -> Explanation:
    plain = layers.get("plain") or sent
    spans = [Span(start, sent[start:end], plain[start:end], layer, meaning)
             for start, end, layer, meaning in layers["spans"]]
    kind, fault = layers["error"] or ("", "")
    if kind == "damaged" and result.fault:
        fault = result.fault  # the decoder has seen the whole frame, CRCs and all
    return Explanation(result.where, layers.get("meter") or result.meter, spans, kind, fault,
                       layers.get("driver") or "")


def as_json(it: Explanation) -> dict:
    """The explanation as JSON: bytes as hex, `plain` only where decryption changed them."""
    spans = []
    for span in it.spans:
        row = {"start": span.start, "bytes": span.sent.hex(), "layer": span.layer, "meaning": span.meaning}
        if span.plain != span.sent:
            row["plain"] = span.plain.hex()
        spans.append(row)
    out: dict = {"meter": it.meter or None, "spans": spans}
    if it.kind:
        out["error"] = {"kind": it.kind, "reason": it.fault}
    if it.driver:
        out["driver"] = it.driver
    return out
