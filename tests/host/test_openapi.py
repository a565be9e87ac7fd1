"""docs/openapi.yaml: the routes there are and no others, their parameters, and answers as it says; no 500."""

import re
from pathlib import Path

import installed
import needs
import pytest
from receiver_support import NOW, Meter, Running, make

import firmware.wire.records as records

yaml = needs.module("yaml")
ROOT = Path(__file__).parent.parent.parent
WEB = ROOT / "cloud_receiver" / "web"
FILE = ROOT / "docs" / "openapi.yaml"
METER, LOCKED = Meter(12345678), Meter(20000001, key=bytes(16))


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    """A receiver with a meter of each kind, an alarm, a gap."""
    with Running(make(tmp_path_factory.mktemp("openapi") / "works")) as running:
        gateway = running.enrol(name="Fyrveien 3")
        running.through(gateway.telegrams([METER.telegram(n) for n in range(5)]))
        running.through(gateway.telegrams([METER.telegram(6, status=4), LOCKED.telegram(1)]))
        gateway.seq += 3
        running.through(gateway.batch([records.event(gateway.next(), NOW, "x", "y")]))
        running.wait_for(lambda s: s["pending"] == 0)
        running.gateway = gateway
        yield running


@pytest.fixture(scope="module")
def described():
    """The file; without what features have that are not installed."""
    document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    there = {*installed.FEATURES, "health"}
    document["paths"] = {path: item for path, item in document["paths"].items() if set(item["get"]["tags"]) <= there}
    return document


def is_api(path):
    return path.startswith("/v1/") or path in ("/healthz", "/readyz")


def test_the_file_has_the_routes_and_the_routes_are_in_the_file(receiver, described):
    routes = {(r.method.lower(), r.resource.canonical) for r in receiver.receiver.web.router.routes()
              if is_api(r.resource.canonical) and r.method != "HEAD"}
    assert routes == {(method, path) for path, item in described["paths"].items() for method in item}


def test_every_parameter_the_code_reads_is_described(described):
    """What the API takes from a query stands in the file, and the other way round."""
    modules = {(f, r.answers.split(".")[0]) for f in installed.FEATURES.values() for r in f.routes if is_api(r.path)}
    text = "".join((f.folder / f"{name}.py").read_text() for f, name in modules) \
        + "".join((WEB / name).read_text() for name in ("export.py", "lists.py"))
    read = set(re.findall(r"""query(?:\.get\(|\[)"(\w+)\"""", text))
    read |= {"purpose"} if "access.hours(" in text else set()
    assert '"purpose"' in (WEB / "access.py").read_text()
    parameters = set()
    for item in described["paths"].values():
        for p in item["get"].get("parameters", []):
            p = described["components"]["parameters"][p["$ref"].rsplit("/", 1)[1]] if "$ref" in p else p
            parameters |= {p["name"]} if p["in"] == "query" else set()
    assert parameters == read


def test_seen_where_a_route_is_not_described(receiver, described):
    """Known-bad: a route that the file does not have."""
    less = dict(described, paths=dict(list(described["paths"].items())[1:]))
    with pytest.raises(AssertionError):
        test_the_file_has_the_routes_and_the_routes_are_in_the_file(receiver, less)


def ask(operation, real, base, statuses):
    """Call an operation with what its schema allows, half the time of a meter or gateway there is."""
    import hypothesis
    from schemathesis import checks

    @hypothesis.settings(max_examples=40, deadline=None, database=None, derandomize=True,
                         suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(case=operation.as_strategy(), known=hypothesis.strategies.booleans())
    def answers(case, known):
        if known and case.path_parameters:
            pattern = re.escape(operation.path).replace(r"\{id\}", "(.*)")
            [case.path_parameters["id"]] = re.fullmatch(pattern, installed.address(operation.path, real)).groups()
        response = case.call(base_url=base, timeout=20)
        statuses.setdefault(operation.path, set()).add(response.status_code)
        assert response.status_code < 500, (case.as_curl_command(), response.text)
        case.validate_response(response, checks=[checks.not_a_server_error, checks.response_schema_conformance,
                                                 checks.content_type_conformance])
    answers()


def test_schemathesis_finds_no_500_and_no_answer_that_is_not_described(receiver, described):
    schemathesis = needs.module("schemathesis")
    schema = schemathesis.openapi.from_dict(described)
    real = {"gateway": receiver.gateway.id, "meter": METER.text}
    base = f"http://127.0.0.1:{receiver.web_port}"
    statuses = {}
    for result in schema.get_all_operations():
        ask(result.ok(), real, base, statuses)
    assert len(statuses) == len(described["paths"]) and all(200 in each for each in statuses.values()), statuses
