"""Looks for meter keys in a process's memory and in a gateway's directory.

A key may lie about as its 16 bytes or as hex digits, so each is searched for in three forms. Only private writable
memory is read: what a program was given or has worked out can be nowhere else. The parent opens /proc/PID/mem, which
needs no more rights than being the parent, and hands it to a helper process, so that the search holds nobody up.
"""

import asyncio
import os
import sys
from pathlib import Path

CHUNK = 32 << 20
LONGEST = 32  # of a pattern, for what lies across two chunks


def forms(key: bytes) -> "tuple[bytes, bytes, bytes]":
    """What a key may look like in memory or in a file."""
    return key, key.hex().encode(), key.hex().upper().encode()


def available() -> bool:
    """Whether this system has /proc/PID/mem."""
    return Path("/proc/self/mem").exists() and Path("/proc/self/maps").exists()


def keys_in_files(folder: Path, keys: "list[bytes]") -> "set[int]":
    """The places in `keys` of those that a file below `folder` holds."""
    places = set()
    for path in folder.rglob("*"):
        if path.is_file():
            try:
                data = path.read_bytes()
            except OSError:
                continue
            places |= {i for i, key in enumerate(keys) if any(form in data for form in forms(key))}
    return places


async def keys_in_process(pid: int, keys: "list[bytes]") -> "tuple[set[int], int]":
    """The places in `keys` of those that a process holds in memory, and how many bytes were searched. Raises OSError
    when the process is gone or may not be read."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    handle = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        helper = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, str(handle), pass_fds=(handle,),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        lines = [",".join(key.hex() for key in keys)] + [f"{a} {b}" for a, b in _writable(maps)]
        answer, _ = await helper.communicate("\n".join(lines).encode())
    finally:
        os.close(handle)
    if helper.returncode != 0:
        raise OSError(f"the search in process {pid} failed")
    searched, *places = answer.decode().split()
    return {int(place) for place in places}, int(searched)


def _writable(maps: str):
    """(start, end) of the private writable regions in the text of /proc/PID/maps."""
    for line in maps.splitlines():
        fields = line.split()
        if fields[1].startswith("rw") and fields[1].endswith("p") and not fields[-1].startswith("[v"):
            start, end = (int(part, 16) for part in fields[0].split("-"))
            yield start, end


def search(handle: int, regions, keys: "list[bytes]") -> "tuple[set[int], int]":
    """Search regions of an open /proc/PID/mem; returns (places of the keys found, bytes read)."""
    patterns = [(i, form) for i, key in enumerate(keys) for form in forms(key)]
    places: set[int] = set()
    searched = 0
    for start, end in regions:
        tail = b""
        while start < end:
            try:
                data = os.pread(handle, min(CHUNK, end - start), start)
            except OSError:
                break  # unmapped since
            if not data:
                break
            start += len(data)
            searched += len(data)
            data = tail + data
            places |= {i for i, form in patterns if form in data}
            tail = data[-LONGEST:]
    return places, searched


def main() -> None:
    """The helper: keys and regions on standard input, the search in the handle of its argument."""
    first, *rest = sys.stdin.read().splitlines()
    keys = [bytes.fromhex(text) for text in first.split(",")]
    places, searched = search(int(sys.argv[1]), [tuple(map(int, line.split())) for line in rest], keys)
    print(searched, *sorted(places))


if __name__ == "__main__":
    main()
