"""Whatever is sent to any page or route, in its address or its headers: no 500, nothing shown."""

import installed
from access_rig import FORM, ODD, encoded_odd


def test_no_address_makes_it_fail(town):
    known = town.headers("administrator")
    hostile = [a for name in installed.FEATURES for a in getattr(installed.table(name), "HOSTILE", ())]
    for odd in ODD:
        for address in ("/{odd}", *hostile):
            path = address.format(odd=encoded_odd(odd), **town.ids)
            status = town.receiver.web(path, headers=known).status
            assert status < 500, (path, status)


def test_no_header_makes_it_fail(town):
    paths = [("GET", town.api("reader")), *((m, p) for m, p in installed.ROUTES if m == "POST"),
             *((m, p.replace("{secret}", "x")) for m, p in installed.ROUTES if "{secret}" in p)]
    for odd in ODD:
        raw = odd.encode("utf-8", "surrogateescape")
        for name in ("Cookie", "Authorization", "X-Forwarded-For", "Origin", "X-CSRF-Token", "Sec-Fetch-Site"):
            if b"\x00" in raw:
                continue
            value = b"__Host-netti=" + raw if name == "Cookie" else b"Bearer " + raw if name == "Authorization" else raw
            for method, path in paths:
                status = town.receiver.web(path, method, "" if method == "POST" else None,
                                           {"Host": town.host, **FORM, name: value}).status
                assert 300 <= status < 500, (name, odd, path, status)
