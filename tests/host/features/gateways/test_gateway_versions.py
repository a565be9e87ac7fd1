"""The page of the gateways: who runs which version, and how far a release is rolled out."""

from receiver_support import NOW, Running, make
from release_rig import do, made, told


def test_who_runs_what_is_on_the_page(tmp_path):
    with Running(make(tmp_path / "works")) as receiver:
        do(receiver, "add", made(tmp_path, "0.2.0"))
        gateways = [receiver.enrol() for _ in range(3)]
        do(receiver, "stage", "0.2.0", 100, "", NOW)
        for g in gateways:
            told(receiver, g)
        told(receiver, gateways[0], "0.2.0")
        page = receiver.web("/gateways", headers={"Accept-Language": "en"}).text
        assert "told of 0.2.0" in page and "100 % of all" in page and page.count("told of 0.2.0") == 2
        do(receiver, "halt", "0.2.0", NOW)
        assert "Stanset" in receiver.web("/gateways", headers={"Accept-Language": "nb"}).text
