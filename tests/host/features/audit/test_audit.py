"""The audit log: read and exported by administrators, shortened by nobody."""

import csv
import io

import pytest
from receiver_support import HOUR, NOW

from cloud_receiver.office import accounts
from cloud_receiver.office.roles import Who


def look(town, role):
    """Somebody looks at a meter's hours, and whoever shows them enters it."""
    with town.receiver.people() as people:
        people.audit.write(NOW, Who(role, role, "session", "", None), "hours", town.meter.text, NOW - HOUR, NOW, "leak")


def test_the_administrator_reads_and_exports_the_log_and_nobody_shortens_it(town, monkeypatch):
    for role in ("operations", "administrator"):
        look(town, role)
    page = town.ask("administrator", "/audit").text
    assert town.meter.text in page and "leak" in page
    assert town.meter.text not in town.ask("administrator", "/audit?q=nobody").text
    rows = list(csv.DictReader(io.StringIO(town.ask("administrator", "/v1/audit?format=csv").text)))
    assert [r["subject"] for r in rows] == [town.meter.text] * 2 and rows[0]["who"] == "operations"
    whole = town.ask("administrator", "/v1/audit").json()["audit"]
    assert len(whole) == 2 and rows[0]["purpose"] == whole[0]["purpose"] == "leak"
    monkeypatch.setattr("cloud_receiver.features.audit.api.PIECE", 1)
    assert town.ask("administrator", "/v1/audit").json()["audit"] == whole, "read in pieces it is the same"
    db = accounts.Accounts(town.receiver.directory.access).db
    for sql in ("DELETE FROM audit", "UPDATE audit SET who = 'x'"):
        with pytest.raises(accounts.sqlite3.IntegrityError):
            db.execute(sql)
    db.close()
