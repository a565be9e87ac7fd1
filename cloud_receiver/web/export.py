"""Lists and readings as files: CSV as spreadsheets read it, JSON, written as they are read so that any length fits."""

import csv
import io
import json

from aiohttp import web

FORMATS = ("json", "csv")


def form(request: web.Request) -> str:
    """The format somebody asks for; raises ValueError for one there is not."""
    asked = request.query.get("format", "json")
    if asked not in FORMATS:
        raise ValueError(f"format is one of {', '.join(FORMATS)}")
    return asked


def csv_text(rows) -> str:
    """Rows of CSV. A cell that a spreadsheet would take for a formula gets a quote before it."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(
        ["'" + v if isinstance(v, str) and v[:1] in ("=", "+", "-", "@", "\t", "\r") else v for v in row]
        for row in rows)
    return out.getvalue()


def as_csv(name: str, columns, rows) -> web.Response:
    """A list as a file of CSV; `columns` are the keys of the rows that it has."""
    return web.Response(text=csv_text([columns, *([row[c] for c in columns] for row in rows)]),
                        content_type="text/csv", charset="utf-8", headers=_attached(name))


async def stream(request: web.Request, name: str, asked: str, head: dict, columns, pieces) -> web.StreamResponse:
    """Rows (in the order of the columns; dicts as they are, for JSON) piece by piece, as CSV or as JSON: the head with
    a list `name`."""
    if asked == "csv":
        response = web.StreamResponse(headers={"Content-Type": "text/csv; charset=utf-8", **_attached(name)})
    else:
        response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    await response.prepare(request)
    if asked == "csv":
        await response.write(csv_text([columns]).encode())
        async for rows in pieces:
            await response.write(csv_text(rows).encode())
    else:
        before = json.dumps(head)[:-1] + (", " if head else "") + f'"{name}": [\n'
        async for rows in pieces:
            if rows:
                told = (json.dumps(r if isinstance(r, dict) else dict(zip(columns, r))) for r in rows)
                await response.write((before + ",\n".join(told)).encode())
                before = ",\n"
        await response.write((before if "[" in before else "").encode() + b"\n]}\n")
    await response.write_eof()
    return response


def _attached(name):
    return {"Content-Disposition": f'attachment; filename="{name}.csv"'}
