"""What the household keeps for itself: its own hours, one small text file a month, never sent from here.

A line is `hour,kind,meter,value...;`, the semicolon last so that a line cut short is known for one: `el` with the
energy in and out in Wh and `e` if estimated, `water` with the register in litres at the end of the hour. A re-claim by
a new owner removes it all.
"""


def month(unix):
    """The name of the month a Unix time falls in, UTC, as 2026-11 (civil-from-days over the 400-year cycle)."""
    days = unix // 86400 + 719468
    era = days // 146097
    of_era = days - era * 146097
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    part = (5 * of_year + 2) // 153
    number = part + 3 if part < 10 else part - 9
    return "%04d-%02d" % (year + era * 400 + (1 if number <= 2 else 0), number)


class History:
    """The files under one folder. `files` has the functions of `port.files`; the oldest months make room."""

    def __init__(self, files, folder, months=37):
        self._files = files
        self._folder = folder
        self._months = months
        files.make_folder(folder)

    def add(self, hour, kind, meter, values):
        """Keep one line for the hour that starts at a Unix time."""
        name = month(hour) + ".csv"
        fresh = name not in self._files.names(self._folder)
        line = ",".join([str(hour), kind, meter] + [str(v) for v in values]) + ";\n"
        if not fresh and not self._ends_well(self._folder + "/" + name):
            line = "\n" + line
        out = self._files.appender(self._folder + "/" + name)
        try:
            out.write(line.encode())
            out.sync()
        finally:
            out.close()
        if fresh:
            for old in self._files.names(self._folder)[:-self._months]:
                self._files.remove(self._folder + "/" + old)

    def _ends_well(self, path):
        data = self._files.read_whole(path) or b"\n"
        return data.endswith(b"\n")

    def rows(self):
        """Yield the kept lines as lists of text."""
        for name in self._files.names(self._folder):
            data = self._files.read_whole(self._folder + "/" + name) or b""
            for line in data.split(b"\n"):
                fields = line[:-1].decode().split(",")
                if line.endswith(b";") and len(fields) >= 4:
                    yield fields

    def wipe(self):
        """Remove everything: the home has a new owner."""
        for name in self._files.names(self._folder):
            self._files.remove(self._folder + "/" + name)
