"""Searches for meter keys where they must not be: in the files and the memory of gateways that are not their home's."""

from . import memory


class Search:
    """The searches of one demo; `add_fault(what, note)` is told of each neighbour's key, once."""

    def __init__(self, street, gateways, add_fault):
        self._street, self._gateways, self._add_fault = street, gateways, add_fault
        self._leaked: set = set()
        self._searches = self._searched = 0
        self._own_seen: set = set()

    async def run(self) -> None:
        """No gateway holds a key that is not its household's: neither in its directory nor in its memory."""
        keyed = [m for m in self._street.meters if m.key]
        self._searches += 1
        for g in self._gateways:
            own = set(self._street.own_meters(g.site))
            keys = [m.key for m in keyed if m.key]
            places = memory.keys_in_files(g.folder, keys)
            pid = g.pid
            if memory.available() and pid:
                try:
                    in_memory, size = await memory.keys_in_process(pid, keys)
                except OSError as e:
                    if not g.expected_end and g.pid == pid:  # not just killed
                        self._add_fault("scan", f"{g.name}: {e}")
                    continue
                self._searched += size
                self._own_seen |= {keyed[i] for i in in_memory if keyed[i] in own}
                places |= in_memory
            for meter in (keyed[i] for i in sorted(places)):
                if meter not in own and (g.name, meter) not in self._leaked:
                    self._leaked.add((g.name, meter))
                    self._add_fault("keys", f"{g.name} holds the key of {meter.text}")

    def _own_keyed(self) -> set:
        return {m for g in self._gateways for m in self._street.own_meters(g.site) if m.key}

    @property
    def missed(self) -> bool:
        """Whether a household's own key was never found in its gateway: then the search could not have found others."""
        return memory.available() and self._own_seen != self._own_keyed()

    def texts(self) -> "list[str]":
        """What was searched and found, a line each."""
        if not memory.available():
            return [f"{self._searches} searches of the gateways' files; this system shows no process memory"]
        return [f"{self._searches} searches of files and memory ({self._searched >> 20} MiB) found "
                f"{len(self._leaked) or 'no'} neighbour's key{'s' * (len(self._leaked) > 1)}",
                f"own keys found where they belong: {len(self._own_seen)} of {len(self._own_keyed())}"]
