"""`netti gateway`: enrolment with a token against a works over TLS, and what it says when something is wrong."""

import base64
import hashlib
import json
import ssl
import stat
import sys
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from netti_tools import cli

from firmware import identity, main, start
from firmware.wire import envelope

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from gateway_rig import Ca, Server  # noqa: E402


class Works(Server):
    """The enrolment side of a works."""

    def __init__(self, folder):
        self.ca, self.second = Ca(), Ca("Stand-by")
        self.shown = [self.ca.pem, self.second.pem]
        self.secrets = {"s3cret"}
        self.enrolled: "dict[str, dict]" = {}
        super().__init__(self.ca.server(folder), ("GET", "/v1/anchors", self._anchors),
                         ("POST", "/v1/gateways", self._gateways))

    async def _anchors(self, _request):
        return web.json_response({"works": "demo", "anchors": self.shown})

    async def _gateways(self, request):
        fields = await request.json()
        key = bytes.fromhex(fields["public_key"])
        if fields["token"] not in self.secrets:
            return web.Response(status=403, text="token unknown or used\n")
        Ed25519PublicKey.from_public_bytes(key).verify(
            bytes.fromhex(fields["signature"]), b"netti/1 enrol demo " + fields["token"].encode())
        self.enrolled[envelope.gateway_id(key)] = fields
        return web.json_response({"works": "demo", "name": "Demo", "url": self.url, "anchors": self.shown,
                                  "command_keys": ["00" * 32], "gateway": envelope.gateway_id(key), "window": 1800,
                                  "interval": 600})

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    def token(self, **changed):
        fields = {"works": "demo", "url": self.url, "secret": "s3cret",
                  "ca": hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.ca.pem)).hexdigest()}
        fields.update(changed)
        return "netti1." + base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


@pytest.fixture
def works(tmp_path):
    w = Works(tmp_path)
    yield w
    w.close()


def run(capsys, *arguments):
    status = cli.main(["gateway", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, out, err


def test_enrolment_makes_a_folder_that_runs(tmp_path, works, capsys):
    folder = tmp_path / "home"
    status, out, err = run(capsys, "enrol", works.token(), "--dir", folder, "--name", "Vei 1")
    assert (status, err) == (0, "")
    (gateway,) = works.enrolled
    assert gateway in out and works.enrolled[gateway]["kind"] == "home" and works.enrolled[gateway]["name"] == "Vei 1"
    assert stat.S_IMODE((folder / "identity.json").stat().st_mode) == 0o600
    settings, enrolment, me = start.load(str(folder))
    assert me.gateway == gateway == enrolment["gateway"] and len(enrolment["anchors"]) == 2
    assert settings["interval"] == 600 and settings["relay"]["window"] == 1800
    status, out, err = run(capsys, "show", folder)
    assert status == 0 and gateway in out and "nothing yet" in out
    assert json.loads(run(capsys, "show", folder, "--json")[1])["gateway"] == gateway


def test_enrolling_again_keeps_the_key_and_the_configuration(tmp_path, works, capsys):
    folder = tmp_path / "home"
    run(capsys, "enrol", works.token(), "--dir", folder)
    (folder / "config.json").write_text('{"interval": 60}')
    before = (folder / "identity.json").read_bytes()
    run(capsys, "enrol", works.token(), "--dir", folder)
    assert (folder / "identity.json").read_bytes() == before
    assert (folder / "config.json").read_text() == '{"interval": 60}' and len(works.enrolled) == 1


def test_what_goes_wrong_is_one_line_and_leaves_no_enrolment(tmp_path, works, capsys):
    other = Ca("Stranger")
    cases = [(works.token()[:-9], "token"), ("netti1.xx", "token"), ("hello", "token"),
             (works.token(secret="used"), "token unknown or used"), (works.token(ca="00" * 32), "fingerprint"),
             (works.token(url="https://localhost:1"), ""), (works.token(url="http://localhost:1"), "url"),
             (works.token(works="elsewhere"), "")]
    for token, says in cases:
        status, out, err = run(capsys, "enrol", token, "--dir", tmp_path / "x")
        assert status == 2 and out == "" and err.count("\n") == 1 and says in err, (says, err)
    # A server in the middle that shows its own anchor, and one that shows the right anchor but has another certificate.
    works.shown = [other.pem, works.ca.pem]
    status, _out, err = run(capsys, "enrol", works.token(), "--dir", tmp_path / "x")
    assert status == 2 and "fingerprint" in err
    works.shown = [other.pem]
    token = works.token(ca=hashlib.sha256(ssl.PEM_cert_to_DER_cert(other.pem)).hexdigest())
    status, _out, err = run(capsys, "enrol", token, "--dir", tmp_path / "x")
    assert status == 2 and "ertificate" in err
    assert not (tmp_path / "x" / "works.json").exists() and works.enrolled == {}


def test_a_folder_that_is_not_ready_is_said_in_one_line(tmp_path, works, capsys):
    assert run(capsys, "show", tmp_path / "none")[0] == 2
    folder = tmp_path / "home"
    run(capsys, "enrol", works.token(), "--dir", folder)
    for name, content, says in (("config.json", '{"kind": 1}', "kind"), ("config.json", "{", "config.json"),
                                ("identity.json", "{}", "identity.json"), ("works.json", "[]", "works")):
        kept = (folder / name).read_bytes()
        (folder / name).write_text(content)
        status, out, err = run(capsys, "show", folder)
        assert status == 2 and says in err and err.count("\n") == 1
        assert main.main([str(folder)]) == 2
        assert says in capsys.readouterr().out
        (folder / name).write_bytes(kept)
    stranger = identity.dump(identity.of_seed(bytes(32)))
    (folder / "identity.json").write_bytes(stranger)
    assert "identity.json of" in run(capsys, "show", folder)[2]


def test_unknown_radio_is_said(tmp_path, works, capsys):
    folder = tmp_path / "home"
    run(capsys, "enrol", works.token(), "--dir", folder)
    (folder / "config.json").write_text('{"radios": [{"radio": "nosuch", "port": "tcp://localhost:1"}]}')
    assert main.main([str(folder)]) == 2
    assert "none called 'nosuch'" in capsys.readouterr().out
