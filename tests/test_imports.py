"""The laws of the house (docs/architecture.md): who may import whom, and where a thing may stand.

Read as text, so that it sees imports inside functions too. Each law is a function from the tree (path -> what the file
imports) to the imports or words that break it, and MUTANTS has one for each that must be found. MicroPython, whose
heap does not hold the whole tree, looks at what runs on a device.
"""

import os
import sys

from firmware.wire import orders

CODECS = ("han_reader", "wmbus", "zigbee")
OURS = CODECS + ("firmware", "cloud_receiver", "tools", "tests", "bench")
# Beside the package itself and other people's libraries.
MAY_IMPORT = {
    "han_reader": (),
    "wmbus": (),
    "zigbee": (),
    "firmware": CODECS,
    "cloud_receiver": CODECS + ("firmware.wire",),
    "tools": CODECS + ("firmware", "cloud_receiver"),
}
# The receiver's floors, top first. A room imports from floors below its own, never from its own floor or above.
FLOORS = (("app", "processes", "__init__"), ("features",), ("operations", "web"), ("edge",), ("decoding",),
          ("stores",), ("office",), ("data",))
WIRING = FLOORS[0]
# A codec does no I/O and knows no clock.
CODEC_STDLIB = ("struct", "binascii", "collections", "micropython", "array")
DATA_NOT = ("os", "pathlib", "sqlite3", "socket", "asyncio", "subprocess", "logging", "fcntl", "tempfile", "shutil",
            "aiohttp", "asyncpg", "threading", "multiprocessing")
# The only firmware modules that may reach the runtime's differences.
PORT_USERS = ("firmware/port/", "firmware/radios/", "firmware/start.py", "firmware/main.py", "firmware/folder.py",
              "firmware/spool/files.py", "firmware/uplink/", "firmware/home/han_port.py", "firmware/update/updater.py")
# The only places that may ask which runtime this is.
RUNTIME_TESTS = ("firmware/port/__init__.py", "wmbus/accel.py", "han_reader/accel.py", "zigbee/accel.py")
# Orders are told in wire/orders.py only. Some are called as other things are: which else, and where.
ORDER_TABLE = "firmware/wire/orders.py"
NOT_ORDERS = {
    "firmware/config.py": ("interval", "relay"),  # of config.json, orders.json and works.json
    "firmware/orders.py": ("interval",),  # of works.json
    "firmware/folder.py": ("update",),  # of state.json
    "firmware/tasks.py": ("update",),  # a task
    "firmware/update/install.py": ("update",),  # an event
    "cloud_receiver/edge/enrolment.py": ("interval",),  # of works.json
    "cloud_receiver/stores/__init__.py": ("rewind",),  # what a batch tells of
    "tools/commands/gateway.py": ("interval", "relay"),  # of config.json
    "tools/simulate/files.py": ("interval",),  # of config.json
    "tools/demo/plan.py": ("interval", "update"),  # of a plan
    "tools/demo/run.py": ("update",),  # a fault
}
# "law path module" of what still breaks a law. It only shrinks.
EXCEPTIONS = ()


# --- the tree

def sources(folder):
    """Yield the path of every .py file under a folder."""
    for name in sorted(os.listdir(folder)):
        path = folder + "/" + name
        if os.stat(path)[0] & 0x4000:
            if name != "__pycache__":
                for inner in sources(path):
                    yield inner
        elif name.endswith(".py"):
            yield path


def statements(lines):
    """Yield (module as written, names) of each import statement of a file's lines; names is None for `import x`."""
    lines = iter(lines)
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[0] == "import":
            for name in line.strip()[7:].split("#")[0].split(","):
                words = name.split()
                if len(words) == 1 or len(words) == 3 and words[1] == "as":  # else it is a sentence
                    yield words[0], None
        elif len(words) >= 4 and words[0] == "from" and words[2] == "import":
            names = line.split(" import ", 1)[1].split("#")[0].strip()
            while "(" in names and ")" not in names or names.endswith("\\"):
                names = names.rstrip("\\") + next(lines).split("#")[0].strip()
            yield words[1], [n.split()[0] for n in names.replace("(", "").replace(")", "").split(",") if n.strip()]


class Tree:
    """What each file imports, as absolute modules; a name imported from a package is its module where it is one."""

    def __init__(self, folders):
        self.modules = {}  # module -> path
        self.bare = {}  # the name that tests and benchmarks import each other by -> module
        self.imports = {}
        for folder in folders:
            for path in sources(folder):
                name = path[:-3].replace("/", ".")
                self.modules[name[:-9] if name.endswith(".__init__") else name] = path
                if folder in ("tests", "bench"):
                    self.bare[name.split(".")[-1]] = name
        self.words = {}  # path -> the orders' names that are literals in it
        shared = {}  # each name once, as few objects as can be: MicroPython's heap is small
        for path in self.modules.values():
            with open(path) as f:
                self.imports[path] = tuple({shared.setdefault(name, name) for name in self._absolute(path, f)})
            if path.split("/")[0] in ("firmware", "cloud_receiver", "tools"):
                with open(path) as f:
                    words = set(order_words(f))
                if words:
                    self.words[path] = words

    def _absolute(self, path, lines):
        package = path.split("/")[:-1]
        for module, names in statements(lines):
            if module.startswith("."):
                up = len(module) - len(module.lstrip("."))
                base = package[: len(package) - up + 1]
                module = ".".join(base + ([module[up:]] if module[up:] else []))
            if module.split(".")[0] == "netti_tools":
                module = "tools" + module[11:]
            if package[0] in ("tests", "bench") and module in self.bare:
                module = self.bare[module]
            if names is None:
                yield module
                continue
            plain = False
            for name in names:
                if module + "." + name in self.modules:
                    yield module + "." + name
                else:
                    plain = True
            if plain:
                yield module

    def all(self):
        """Yield (path, module) of every import."""
        for path in sorted(self.imports):
            for module in sorted(self.imports[path]):
                yield path, module


def order_words(lines):
    """Yield each order's name that is a literal in some lines. One that something is looked up by tells of no order."""
    words = [(order.name, quote + order.name + quote) for order in orders.ORDERS for quote in "\"'"]
    for line in lines:
        for name, word in words:
            if word in line and any(word in part for part in line.split("[" + word + "]")):
                yield name


class Bad:
    """A tree of a file or two that should not be: what the laws must find. For the law of orders' names a line of
    the file stands in the place of the module."""

    def __init__(self, pairs):
        self.imports = {}
        self.modules = {}
        self.words = {path: set(order_words([line])) for path, line in pairs}
        for path, module in pairs:
            self.imports.setdefault(path, set()).add(module)
            self.modules[path[:-3].replace("/", ".")] = path

    all = Tree.all


def within(module, allowed):
    """Whether a module is one of these or inside one."""
    return any(module == a or module.startswith(a + ".") for a in allowed)


def room(path_or_module):
    """The receiver's room that a path or a module is in, or None."""
    parts = path_or_module.replace(".py", "").replace("/", ".").split(".")
    if parts[0] != "cloud_receiver":
        return None
    return parts[1] if len(parts) > 1 else "__init__"


def floor(name):
    """How high a room is; None for what has no floor yet."""
    for height, rooms in enumerate(FLOORS):
        if name in rooms:
            return len(FLOORS) - height
    return None


# --- the laws

def arrows(tree):
    """Packages import only what docs/architecture.md says."""
    for path, module in tree.all():
        package = path.split("/")[0]
        if package in MAY_IMPORT and within(module, OURS) and not within(module, (package,) + MAY_IMPORT[package]):
            yield path, module


def floors(tree):
    """In the receiver nothing imports from its own floor or above; the wiring's files know each other."""
    for path, module in tree.all():
        here, there = room(path), room(module)
        if here is None or there is None or here == there or (here in WIRING and there in WIRING):
            continue
        if floor(here) is None or floor(there) is not None and floor(there) >= floor(here):
            yield path, module if floor(here) else "is on no floor"


def features_apart(tree):
    """No feature imports another."""
    for path, module in tree.all():
        here, there = path.split("/"), module.split(".")
        if here[:2] == ["cloud_receiver", "features"] and there[:2] == ["cloud_receiver", "features"] and (
                len(here) > 3 and len(there) > 2 and here[2] != there[2]):
            yield path, module


def edge_is_thin(tree):
    """The edge imports only data, office and stores of the receiver."""
    for path, module in tree.all():
        if room(path) == "edge" and room(module) not in (None, "edge", "data", "office", "stores"):
            yield path, module


def no_http_below_edge(tree):
    """No aiohttp below the edge."""
    for path, module in tree.all():
        if room(path) in ("decoding", "stores", "office", "data") and within(module, ("aiohttp",)):
            yield path, module


def data_is_pure(tree):
    """Data does no I/O."""
    for path, module in tree.all():
        if room(path) == "data" and within(module, DATA_NOT):
            yield path, module


def queries_apart_from_jobs(tree):
    """Queries never import jobs; of the stores' other modules only base does."""
    for path, module in tree.all():
        if within(module, ("cloud_receiver.stores.jobs",)) and path.startswith("cloud_receiver/stores/") and (
                not path.startswith("cloud_receiver/stores/jobs/") and path != "cloud_receiver/stores/base.py"):
            yield path, module


def wire_is_pure(tree):
    """firmware.wire imports itself and the codecs only."""
    for path, module in tree.all():
        if path.startswith("firmware/wire/") and within(module, OURS) and not within(
                module, CODECS + ("firmware.wire",)):
            yield path, module


def codecs_do_no_io(tree):
    """Codecs import themselves and a few modules without I/O; an accel.py borrows what its runtime has."""
    for path, module in tree.all():
        package = path.split("/")[0]
        if package in CODECS and not path.endswith("/accel.py") and path != "zigbee/coordinator.py" and not within(
                module, (package,) + CODEC_STDLIB):
            yield path, module


def only_the_edges_import_port(tree):
    """Inside firmware only the edges know the runtime."""
    for path, module in tree.all():
        if path.startswith("firmware/") and within(module, ("firmware.port",)) and not any(
                path.startswith(user) for user in PORT_USERS):
            yield path, module


def device_paths_are_short(tree):
    """A device's paths are at most firmware/x/y.py: a slot's manifest has so much room."""
    for path in sorted(tree.imports):
        if path.startswith("firmware/") and path.count("/") > 2:
            yield path, ""


def commands_apart(tree):
    """No command module imports another; a command of several files is a package."""
    for path, module in tree.all():
        here, there = path.split("/"), module.split(".")
        if here[:2] == ["tools", "commands"] and there[:2] == ["tools", "commands"] and len(there) > 2 and (
                here[2].split(".")[0] not in (there[2], "__init__")):
            yield path, module


def apart_tests(tree):
    """No test file imports another: what tests share stands in a file that is none."""
    for path, module in tree.all():
        if path.startswith("tests/") and within(module, ("tests",)) and module.split(".")[-1].startswith("test_"):
            yield path, module


def order_names(tree):
    """Names of orders are literals in their table only: whoever speaks of one speaks of its row."""
    for path in sorted(tree.words):
        if path != ORDER_TABLE:
            for word in sorted(tree.words[path]):
                if word not in NOT_ORDERS.get(path, ()):
                    yield path, word


def no_circles(tree):
    """No circle of files: yields the files of each, as (first, the others)."""
    graph = {}
    for path, module in tree.all():
        target = tree.modules.get(module)
        if target is not None and target != path:
            graph.setdefault(path, set()).add(target)
    # A file that reaches nothing that is left is in no circle: peel such files off.
    peeled = True
    while peeled:
        peeled = [path for path in graph if not any(t in graph for t in graph[path])]
        for path in peeled:
            del graph[path]
    # What no file that is left reaches is only on the way to a circle.
    peeled = True
    while peeled:
        reached = set()
        for path in graph:
            reached.update(t for t in graph[path] if t != path)
        peeled = [path for path in graph if path not in reached]
        for path in peeled:
            del graph[path]
    for path in sorted(graph):
        yield path, " ".join(sorted(t for t in graph[path] if t in graph))


LAWS = {
    "arrows": arrows, "floors": floors, "features_apart": features_apart, "edge_is_thin": edge_is_thin,
    "no_http_below_edge": no_http_below_edge, "data_is_pure": data_is_pure,
    "queries_apart_from_jobs": queries_apart_from_jobs, "wire_is_pure": wire_is_pure,
    "codecs_do_no_io": codecs_do_no_io, "only_the_edges_import_port": only_the_edges_import_port,
    "device_paths_are_short": device_paths_are_short, "commands_apart": commands_apart, "apart_tests": apart_tests,
    "order_names": order_names, "no_circles": no_circles,
}
# For each law imports that break it, each on its own.
MUTANTS = {
    "arrows": (("wmbus/decoder.py", "firmware.wire"), ("firmware/gateway.py", "cloud_receiver.data.clock"),
               ("cloud_receiver/edge/ingest.py", "firmware.spool"), ("firmware/main.py", "tools.errors")),
    "floors": (("cloud_receiver/data/usage.py", "cloud_receiver.office.meter_keys"),
               ("cloud_receiver/operations/logs.py", "cloud_receiver.web.words"),
               ("cloud_receiver/office/orders.py", "cloud_receiver.stores"),
               ("cloud_receiver/web/pages.py", "cloud_receiver.features.home"),
               ("cloud_receiver/stray.py", "cloud_receiver.data.clock")),
    "features_apart": (("cloud_receiver/features/home/page.py", "cloud_receiver.features.users.page"),),
    "edge_is_thin": (("cloud_receiver/edge/ingest.py", "cloud_receiver.decoding.decoder"),),
    "no_http_below_edge": (("cloud_receiver/office/roles.py", "aiohttp"),
                           ("cloud_receiver/stores/base.py", "aiohttp.web")),
    "data_is_pure": (("cloud_receiver/data/usage.py", "sqlite3"), ("cloud_receiver/data/records.py", "os.path")),
    "queries_apart_from_jobs": (("cloud_receiver/stores/queries/meters.py", "cloud_receiver.stores.jobs.batch"),
                                ("cloud_receiver/stores/sqlite.py", "cloud_receiver.stores.jobs.batch")),
    "wire_is_pure": (("firmware/wire/orders.py", "firmware.config"),),
    "codecs_do_no_io": (("wmbus/decoder.py", "os"), ("han_reader/hour.py", "time"), ("zigbee/zcl.py", "asyncio")),
    "only_the_edges_import_port": (("firmware/gateway.py", "firmware.port"),
                                   ("firmware/spool/blocks.py", "firmware.port.files")),
    "device_paths_are_short": (("firmware/setup/improv/core.py", "struct"),),
    "commands_apart": (("tools/commands/person.py", "tools.commands.user"),
                       ("tools/commands/receiver/homes.py", "tools.commands.user")),
    "apart_tests": (("tests/host/test_pages.py", "tests.host.test_ingest"),
                    ("tests/test_spool.py", "tests.test_spool_nor")),
    "order_names": (("cloud_receiver/office/orders.py", 'if c.name == "rewind":'),
                    ("tools/commands/receiver/orders.py", "p = sub.add_parser('interval', help=text)"),
                    ("cloud_receiver/edge/devices.py", 'VALID_S = {"close-valve": 240}'),
                    ("firmware/folder.py", 'return state["update"] if name == "trust" else None'),
                    ("firmware/config.py", 'return orders["update"], "update"')),
}


def broken(tree):
    """Every break of a law as "law path module"."""
    return sorted({name + " " + path + " " + module for name in LAWS for path, module in LAWS[name](tree)})


def test_the_laws_hold():
    device = sys.implementation.name == "micropython"
    breaches = broken(Tree(CODECS + ("firmware",) if device else OURS))
    assert [b for b in breaches if b not in EXCEPTIONS] == []
    assert device or [e for e in EXCEPTIONS if e not in breaches] == [], "no longer broken: take it off the list"


def test_an_import_that_breaks_a_law_is_found():
    """Known-bad: each mutant breaks its law, alone in an otherwise empty tree."""
    for name in sorted(MUTANTS):
        for pair in MUTANTS[name]:
            assert list(LAWS[name](Bad([pair]))) != [], (name, pair)
    assert sorted(MUTANTS) == sorted(name for name in LAWS if name != "no_circles")


def test_what_is_no_order_is_told_where_it_is():
    tree = Tree(("firmware",) if sys.implementation.name == "micropython" else ("firmware", "cloud_receiver", "tools"))
    assert tree.words[ORDER_TABLE] == {order.name for order in orders.ORDERS}
    for path in NOT_ORDERS:
        if path in tree.modules.values():
            assert tree.words[path] == set(NOT_ORDERS[path]), path
        else:
            assert path.split("/")[0] != "firmware" and sys.implementation.name == "micropython", path
    assert list(order_words(['x["relay"] = y[\'relay\'] + z', '"interval" or x["update"]'])) == ["interval"]


def test_a_circle_is_found_and_what_leads_to_it_is_not():
    circle = [("a/x.py", "a.y"), ("a/y.py", "a.z"), ("a/z.py", "a.y"), ("a/z.py", "a.w"), ("a/w.py", "struct")]
    assert [path for path, _ in no_circles(Bad(circle))] == ["a/y.py", "a/z.py"]
    assert list(no_circles(Bad(circle[:2] + circle[3:]))) == []


def test_tests_are_known_by_the_names_they_import_each_other_by():
    assert "bench._loadgen" in Tree(("bench",)).imports["bench/ingest.py"]


def test_statements_of_every_form_are_read():
    text = ("import os, sys\nfrom .a import (  # why\n    b,\n    c as d,\n)\nfrom ..x import y, \\\n    z\n"
            "    from . import q  # noqa\n\"\"\"from here on the import of\"\"\"\n")
    assert list(statements(text.split("\n"))) == [("os", None), ("sys", None), (".a", ["b", "c"]), ("..x", ["y", "z"]),
                                      (".", ["q"])]


def test_only_port_and_accel_ask_for_the_runtime():
    bad = []
    for package in CODECS + ("firmware",):
        for path in sources(package):
            if path not in RUNTIME_TESTS:
                with open(path) as f:
                    if "sys.implementation" in f.read():
                        bad.append(path)
    assert bad == []


def test_each_package_says_its_law():
    """In its __init__, in at most three lines that begin with `Law:`; a feature's is that of all features."""
    silent = []
    for package in CODECS + ("firmware", "cloud_receiver", "tools"):
        for path in sources(package):
            if path.endswith("/__init__.py") and not path.startswith("cloud_receiver/features/"):
                with open(path) as f:
                    parts = f.read().split("Law: ")
                law = parts[1].split('"""')[0].split("\n\n")[0].strip() if len(parts) == 2 else ""
                if not law or len(law.split("\n")) > 3:
                    silent.append(path)
    assert silent == []
