"""A gateway's world under a schedule: what `firmware.port` and `port.files` are otherwise, on both runtimes.

Files are real ones. Every write can be the last: `budget` counts down with each byte written and each file closed,
renamed or removed, and at 0 the write in progress is torn and `Cut` raised; nothing is written after that. What was
flushed is told, so that whoever starts the gateway again can take from the disk what a power cut would take. Time
stands where it is put. The network is one function that takes a request and gives an answer.
"""

from firmware import port
from firmware.port import files


class Cut(BaseException):
    """The gateway ends here. Not an Exception: nobody handles it."""


class Appender:
    """A file written at its end."""

    def __init__(self, world, path):
        self.world, self.path = world, path
        self.file = files.appender(path)
        self.size = world.size(path)

    def write(self, data):
        n = self.world.allow(len(data))
        self.file.write(data[:n])
        self.size += n
        self.world.check()
        self.world.appended = self.path

    def sync(self):
        self.world.allow(1)
        self.world.check()
        self.file.sync()
        self.world.tell(["flushed", self.path, self.size])

    def close(self):
        self.file.close()


class World:
    """Stands in for `port` and `port.files`. `exchange(request bytes)` gives (answer bytes or None, what to hear
    first)."""

    def __init__(self, folder, exchange, tell, random):
        self.folder, self._exchange, self.tell, self._random = folder, exchange, tell, random
        self.ms = 0
        self.system = None  # Unix seconds a system clock shows at uptime 0
        self.budget = None
        self.dead = False
        self.appended = None  # the path of the last file appended to
        self.removed = 0
        self.cuts = []  # per request of a round: bytes after which the connection ends, or None
        self.heard = lambda telegrams: None

    def __getattr__(self, name):
        return getattr(files if hasattr(files, name) else port, name)

    # --- cuts ---

    def allow(self, n):
        """How many of n units may still be done."""
        if self.dead:
            raise Cut()
        if self.budget is None:
            return n
        if n > self.budget:
            n, self.dead = self.budget, True
        self.budget -= n
        return n

    def check(self):
        """Raise Cut if the budget is used up."""
        if self.dead:
            raise Cut()

    # --- files ---

    def size(self, path):
        with files.reader(path) as f:
            f.seek(0, 2)
            return f.tell()

    def appender(self, path):
        return Appender(self, path)

    def write_whole(self, path, data):
        n = self.allow(len(data) + 1)
        if n <= len(data):
            # Torn before the rename: the old bytes stand, and a part of the new ones beside them.
            with open(path + ".new", "wb") as f:
                f.write(data[:n])
        self.check()
        files.write_whole(path, data)
        self.tell(["kept", path.rsplit("/", 1)[0]])  # and with it what was removed from this folder

    def write_secret(self, path, data):
        self.write_whole(path, data)

    def remove(self, path):
        self.allow(1)
        self.check()
        data = files.read_whole(path)
        if data is not None:
            # Until its folder is flushed, a power cut may bring it back.
            self.removed += 1
            gone = "%s/gone/%d-%d" % (self.folder, self._random(), self.removed)
            files.make_folder(self.folder + "/gone")
            with open(gone, "wb") as f:
                f.write(data)
            self.tell(["removed", path, gone])
        files.remove(path)

    def make_folder(self, path):
        files.make_folder(path)

    def lock(self, folder):
        return True

    def random_bytes(self, n):
        return b"".join([self._random().to_bytes(4, "big") for _ in range((n + 3) // 4)])[:n]

    # --- time ---

    def uptime_ms(self):
        return self.ms

    def real_ms(self):
        return self.ms

    def scale(self):
        return 1

    def system_time(self):
        return None if self.system is None else self.system + self.ms // 1000

    async def sleep(self, seconds):
        self.ms += seconds * 1000

    async def within(self, seconds, awaitable):
        return await awaitable

    async def wait_event(self, event, seconds):
        return False

    # --- the rest ---

    def memory(self):
        return None

    def print_line(self, text):
        pass

    def tls_context(self, anchors):
        return self

    def dates_hold(self, writer, unix, known):
        return True

    async def connect(self, host, at, tls=None):
        line = Line(self)
        return line, line

    async def close(self, writer):
        pass


class Line:
    """One connection: both streams of it."""

    def __init__(self, world):
        self.world = world
        self.request = b""
        self.answer = b""
        self.room = None

    def write(self, data):
        if not self.request:
            self.room = self.world.cuts.pop(0) if self.world.cuts else None
        self.request += data
        if self.room is not None and len(self.request) > self.room:
            raise OSError("connection reset")

    async def drain(self):
        pass

    def _ask(self):
        if self.request:
            request, self.request = self.request, b""
            answer, telegrams = self.world._exchange(request)
            self.world.heard(telegrams)
            self.answer = answer
            if answer is None:
                raise OSError("connection reset")

    async def readline(self):
        self._ask()
        end = self.answer.find(b"\n") + 1 or len(self.answer)
        line, self.answer = self.answer[:end], self.answer[end:]
        return line

    async def read(self, n):
        self._ask()
        data, self.answer = self.answer[:n], self.answer[n:]
        return data

    async def readexactly(self, n):
        data = await self.read(n)
        if len(data) < n:
            raise EOFError()
        return data
