"""The list of gateways, filtered, sorted, paged and taken out as CSV, the same on both stores."""

from lists_rig import ids, rows_of
from receiver_support import NOW

from cloud_receiver.office.office import Office
from cloud_receiver.stores import queries


def test_gateways_are_filtered_and_sorted(listed):
    def names(query):
        return ids(listed, f"/v1/gateways?{query}", "gateways")
    assert sorted(names("")) == ["Fyrveien 3", "Ny", "Åsen 7"] and names("show=fault") == ["Åsen 7"]
    assert names("show=silent") == ["Ny"] and names("show=revoked") == [] and names("q=fyr") == ["Fyrveien 3"]
    assert names("q=%C3%A5sen") == names("q=%C3%85SEN") == ["Åsen 7"], "also beyond ASCII, in either case"
    assert names("sort=-heard")[0] == "Fyrveien 3" and names("sort=kind")[0] == "Åsen 7"
    for order in queries.gateways.ORDERS:
        assert sum((names(f"sort={order}&limit=2&page={n}") for n in (1, 2)), []) == names(f"sort={order}")
    for g in listed.json("/v1/gateways")["gateways"]:  # as the query for one gateway finds it
        one = listed.json(f"/v1/gateways/{g['id']}")
        assert {k: one[k] for k in one if k in g} == {k: g[k] for k in g if k in one} and g["epochs"] == one["epochs"]
    [row] = rows_of(listed.web("/v1/gateways?format=csv&q=fyrveien"))
    assert row["meters_heard"] == "7" and row["coverage_share"] == "0.875" and row["gaps"] == "0"


def test_a_revoked_gateway_is_shown_as_that_and_in_no_list_of_what_is_wrong(listed):
    gone = listed.enrol(name="Borte")
    with Office(listed.directory) as office:
        office.enrolled.revoke(gone.id, NOW)
    listed.wait_for_answer(lambda: gone.id in listed.receiver.office.enrolled.revoked())
    assert ids(listed, "/v1/gateways?show=revoked", "gateways") == ["Borte"]
    assert ids(listed, "/v1/gateways?show=silent", "gateways") == ["Ny"]
    assert "Borte" in listed.web("/gateways?show=revoked").text
    with Office(listed.directory) as office:
        office.enrolled.reinstate(gone.id)


def test_the_list_is_read_and_written_in_pieces(listed, monkeypatch):
    """Known-bad would be all rows at once: with pieces of two the answers are the same, from more queries."""
    paths = [f"/v1/gateways?format={form}" for form in ("csv", "json")]
    whole, read, real = [listed.web(path).body for path in paths], [], queries.gateways.of_rows
    monkeypatch.setattr("cloud_receiver.web.lists.PIECE", 2)
    monkeypatch.setattr(queries.gateways, "of_rows", lambda db, rows, *a: read.append(len(rows)) or real(db, rows, *a))
    assert [listed.web(path).body for path in paths] == whole
    assert len(read) >= 2 * 2 and set(read) <= {1, 2}


def test_a_name_is_no_formula_in_a_spreadsheet(listed):
    listed.enrol(name='=HYPERLINK("http://x")')
    names = [r["name"] for r in rows_of(listed.web("/v1/gateways?format=csv"))]
    assert "'=HYPERLINK(\"http://x\")" in names and not any(n.startswith("=") for n in names)
