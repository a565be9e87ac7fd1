"""`netti decode --jsonl`: a decoder for other programs. One JSON request a line in, one JSON answer a line out.

  {"kind": "wmbus", "hex": HEX, "key": HEX|null, "prior": [HEX, ...]}   prior: telegrams heard before, oldest first
  {"kind": "han",   "hex": HEX, "ek": HEX|null, "ak": HEX|null}
  -> {"readings": [READING, ...]} or {"error": TEXT}

Each request stands alone: `prior` is all the decoder remembers. A request that can't be read is answered, not raised.
Without a key a capture that somebody decrypted already is read, though its headers still say encrypted; with one, only
what opens under it.
"""

import json
from typing import BinaryIO, TextIO

import han_reader
import wmbus
from cloud_receiver.decoding.aes import aes
from wmbus import fragments


def answer(request: dict) -> dict:
    """The answer to one request."""
    kind = request.get("kind")
    data = bytes.fromhex(request["hex"])
    if kind == "wmbus":
        key = _key(request.get("key"))
        formats: "dict[str, dict]" = {}
        assembler = fragments.Assembler()
        for text in request.get("prior") or ():
            try:
                _telegram(bytes.fromhex(text), key, formats, assembler)
            except wmbus.DecodeError:
                pass  # what came before may be damaged; it gives no answer of its own
        return {"readings": [_telegram(data, key, formats, assembler)]}
    if kind == "han":
        readings = han_reader.read_all(data, _key(request.get("ek")), _key(request.get("ak")), aes)
        return {"readings": readings} if readings else {"error": "no whole message"}
    return {"error": "kind is neither wmbus nor han"}


def _telegram(data: bytes, key: "bytes | None", formats: "dict[str, dict]", assembler: fragments.Assembler) -> dict:
    telegram = wmbus.strip_crc(data)
    its = formats.setdefault(wmbus.meter_text(wmbus.meter(telegram)), {})
    try:
        return wmbus.decode(telegram, key, aes, its, decrypted=True)
    except wmbus.Fragment:
        whole = assembler.add(telegram)
        if whole is None:
            raise
        return wmbus.decode(whole, key, aes, its, decrypted=True)


def _key(text: "str | None") -> "bytes | None":
    return bytes.fromhex(text) if text else None


def line(text: bytes) -> str:
    """The answer to one line, as JSON without its newline."""
    try:
        request = json.loads(text)
        if not isinstance(request, dict):
            raise ValueError("not a JSON object")
        given = answer(request)
    except KeyError as e:
        given = {"error": f"request without {e}"}
    except ValueError as e:  # JSON, hex, and DecodeError of both codecs
        given = {"error": str(e)}
    except Exception as e:  # the contract: never a traceback, whatever the codec trips over
        given = {"error": f"internal: {type(e).__name__}: {e}"}
    try:
        return json.dumps(given, allow_nan=False, default=_plain)
    except ValueError:
        return json.dumps({"error": "a value is not a number"})


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, (bytes, bytearray)) else str(value)


def serve(requests: BinaryIO, answers: TextIO) -> None:
    """Answer every line until the end of the input; each answer is on its way before the next line is read."""
    for text in requests:
        answers.write(line(text) + "\n")
        answers.flush()
