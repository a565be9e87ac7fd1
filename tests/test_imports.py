"""The arrows between the packages (docs/architecture.md): each package may import only what stands here.

Read as text, so that it runs on both runtimes and sees imports inside functions too.
"""

import os

CODECS = ("han_reader", "wmbus", "zigbee")
# Beside the package itself and the standard library.
MAY_IMPORT = {
    "han_reader": (),
    "wmbus": (),
    "zigbee": ("zigpy", "zigpy_znp"),
    "firmware": CODECS,
    "cloud_receiver": CODECS + ("firmware.batch",),
    "tools": CODECS + ("firmware", "cloud_receiver", "netti_tools"),
}
OURS = CODECS + ("firmware", "cloud_receiver", "tools", "netti_tools")
# A codec does no I/O and knows no clock.
CODEC_STDLIB = ("struct", "binascii", "collections", "micropython", "array")
# The only firmware modules that may reach the runtime's differences.
PORT_USERS = ("port", "radios", "han_port", "spool", "uplink", "main", "start", "folder")
# The only places that may ask which runtime this is.
RUNTIME_TESTS = ("firmware/port/__init__.py", "wmbus/accel.py", "han_reader/accel.py", "zigbee/accel.py")


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


def imports(path):
    """Yield (module imported, absolute) for every import line of a file; relative ones are made absolute."""
    package = path.split("/")[:-1]
    with open(path) as f:
        text = f.read()
    for line in text.split("\n"):
        words = line.strip().split()
        if len(words) >= 2 and words[0] == "import":
            for name in line.strip()[7:].split(","):
                yield name.split()[0]
        elif len(words) >= 4 and words[0] == "from" and words[2] == "import":
            name = words[1]
            if name.startswith("."):
                up = len(name) - len(name.lstrip("."))
                base = package[: len(package) - up + 1]
                rest = name[up:]
                if rest:
                    yield ".".join(base + [rest])
                else:
                    for part in line.split(" import ", 1)[1].strip("() \\").split(","):
                        if part.strip():
                            yield ".".join(base + [part.split()[0]])
            else:
                yield name


def within(module, allowed):
    return any(module == a or module.startswith(a + ".") for a in allowed)


def violations(package, may):
    bad = []
    for path in sources(package):
        for module in imports(path):
            if within(module, OURS) and not within(module, (package,) + may):
                bad.append((path, module))
    return bad


def test_arrows():
    for package in sorted(MAY_IMPORT):
        assert violations(package, MAY_IMPORT[package]) == []


def test_the_check_sees_a_wrong_arrow():
    """Known-bad: firmware imports the codecs, so forbidding that must find something."""
    assert violations("firmware", ()) != []


def test_codecs_do_no_io():
    bad = []
    for package in ("han_reader", "wmbus"):
        for path in sources(package):
            for module in imports(path):
                # accel.py borrows what its runtime has.
                if not within(module, (package,) + CODEC_STDLIB) and not path.endswith("/accel.py"):
                    bad.append((path, module))
    assert bad == []


def test_only_the_edges_import_port():
    bad = []
    for path in sources("firmware"):
        inner = path[len("firmware/"):].split("/")[0].split(".")[0]
        for module in imports(path):
            if within(module, ("firmware.port",)) and inner not in PORT_USERS:
                bad.append(path)
    assert bad == []


def test_only_port_and_accel_ask_for_the_runtime():
    bad = []
    for package in ("han_reader", "wmbus", "zigbee", "firmware"):
        for path in sources(package):
            if path not in RUNTIME_TESTS:
                with open(path) as f:
                    if "sys.implementation" in f.read():
                        bad.append(path)
    assert bad == []
