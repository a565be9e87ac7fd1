"""A disk for the spool's tests: cuts the process off at any byte, and forgets what was not flushed.

It has the file functions of `firmware.port`. `budget` is how many more bytes may be written before `Cut` is raised,
with the write in progress torn there. After that `crash(kill)` gives the disk as the next start finds it: after a kill
everything written is there, after a power cut only what was flushed (and, as real disks do, perhaps some more).
"""

BLOCK = 128  # small, so that a device's heap need not hold long pieces together


class Cut(BaseException):
    """The process ends here. Not an Exception: nobody handles it."""


class File:
    """The bytes of one file, in blocks. `durable` of them survive a power cut."""

    def __init__(self, data=b"", durable=0):
        self.blocks = [bytearray(data[i:i + BLOCK]) for i in range(0, len(data), BLOCK)]
        self.durable = durable

    def __len__(self):
        return (len(self.blocks) - 1) * BLOCK + len(self.blocks[-1]) if self.blocks else 0

    def extend(self, data):
        for byte in data:
            if not self.blocks or len(self.blocks[-1]) == BLOCK:
                self.blocks.append(bytearray())
            self.blocks[-1].append(byte)

    def part(self, at, n):
        end = min(at + n, len(self))
        out = []
        while at < end:
            take = min(BLOCK - at % BLOCK, end - at)
            out.append(bytes(self.blocks[at // BLOCK][at % BLOCK:at % BLOCK + take]))
            at += take
        return b"".join(out)

    def cut(self, n):
        self.blocks = self.blocks[:(n + BLOCK - 1) // BLOCK]
        if n % BLOCK and self.blocks and len(self) > n:
            self.blocks[-1] = self.blocks[-1][:n % BLOCK]


class _Appender:
    def __init__(self, disk, path):
        self.disk = disk
        self.file = disk.files.setdefault(path, File())

    def write(self, data):
        self.file.extend(data[:self.disk.allow(len(data))])
        self.disk.check()

    def sync(self):
        self.disk.allow(1)
        self.disk.check()
        self.file.durable = len(self.file)

    def close(self):
        pass


class _Reader:
    def __init__(self, file):
        self.file = file
        self.at = 0

    def read(self, n):
        part = self.file.part(self.at, n)
        self.at += len(part)
        return part

    def seek(self, at, whence=0):
        self.at = at + (len(self.file) if whence == 2 else 0)

    def tell(self):
        return self.at

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Disk:
    """Files in memory."""

    def __init__(self):
        self.files = {}
        self.budget = None
        self._cut = False

    def allow(self, n):
        if self.budget is None:
            return n
        if n > self.budget:
            n, self._cut = self.budget, True
        self.budget -= n
        return n

    def check(self):
        if self._cut:
            raise Cut()

    def crash(self, kill, extra=0):
        """The disk as the next start finds it; after a power cut `extra` bytes of each unflushed tail survive."""
        after = Disk()
        for path in self.files:
            file = self.files[path]
            if not kill:
                file.cut(file.durable + extra)
            if len(file):
                file.durable = len(file)
                after.files[path] = file
        return after

    def size(self):
        """Bytes on the disk."""
        return sum([len(self.files[p]) for p in self.files])

    def segments(self):
        """The segment files, oldest first."""
        return sorted([p for p in self.files if p.endswith(".seg")])

    # --- as in port ---

    def appender(self, path):
        return _Appender(self, path)

    def reader(self, path):
        if path not in self.files:
            raise OSError(2)
        return _Reader(self.files[path])

    def write_whole(self, path, data):
        if self.allow(len(data) + 1) <= len(data):
            self.check()
        self.files[path] = File(data, len(data))

    def read_whole(self, path):
        file = self.files.get(path)
        return None if file is None else file.part(0, len(file))

    def names(self, folder):
        return sorted([p[len(folder) + 1:] for p in self.files if p.startswith(folder + "/")])

    def remove(self, path):
        self.allow(1)
        self.check()
        self.files.pop(path, None)

    def make_folder(self, path):
        pass
