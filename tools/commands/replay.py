"""`netti replay`: plays a capture to whatever reads such bytes, or to a receiver as a gateway would."""

import sys
import time
from pathlib import Path

from ..errors import CommandError

HELP = "play a capture at its own pace: to a gateway, to other software, to a receiver"
EXAMPLE = """netti replay han.bin --to pty                         as a serial port
  netti replay street.txt --to tcp-listen://7001 --speed 60   for a gateway's radio port
  netti replay street.txt --to https://localhost:8443 --gateway DIR"""

FLUSH_S = 5.0  # to a receiver: a batch goes at least this often


def arguments(parser) -> None:
    """The options of `netti replay`."""
    parser.add_argument("file", metavar="FILE|-", help="a capture in any form `netti decode` reads")
    parser.add_argument("--to", required=True, metavar="URL",
                        help="tcp://HOST:PORT connects, tcp-listen://[HOST:]PORT waits for a reader, pty or pty:LINK "
                             "is a serial port, - is standard output; https://HOST:PORT is a receiver")
    parser.add_argument("--gateway", metavar="DIR", type=Path,
                        help="for a receiver: the directory of the enrolled gateway to speak as")
    parser.add_argument("--only", choices=("wmbus", "han"), help="play only these frames of a mixed capture")
    parser.add_argument("--format", choices=("bursts", "rtlwmbus"), default="bursts",
                        help="how telegrams are written to a byte stream (default: bursts)")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--speed", type=float, default=1.0, metavar="N", help="N times as fast as captured")
    pace.add_argument("--fast", action="store_true", help="without pauses")
    parser.add_argument("--interval", type=float, default=2.0, metavar="S",
                        help="seconds between frames where the capture holds no times (default: 2)")


def run(args) -> int:
    """Play the capture; 0 when all of it was taken."""
    from ..captures import files, pieces, playing
    if not args.speed > 0 or not args.interval >= 0:
        raise CommandError("--speed must be above 0, --interval not below")
    name = "stdin" if args.file == "-" else args.file
    left_out: "dict[str, int]" = {}
    with files.open_input(args.file) as stream:
        frames = list(playing.frames(pieces(stream, name), left_out))
    kinds = {f.kind for f in frames}
    if args.to.startswith("https://"):
        if args.only == "han":
            raise CommandError("a gateway sends nothing of a HAN port without its owner's consent, nor does a replay")
        return _to_receiver(args, frames, left_out)
    if args.to.startswith("http://"):
        raise CommandError("a receiver is spoken to over https only")
    if args.only:
        _count(left_out, f"not {args.only}", sum(f.kind != args.only for f in frames))
        frames = [f for f in frames if f.kind == args.only]
    elif len(kinds) > 1:
        raise CommandError(f"{name} holds both wM-Bus and HAN frames: choose with --only")
    if not frames:
        raise CommandError(f"{name}: nothing to play{_reasons(left_out)}")
    return _to_bytes(args, frames, left_out)


def _to_bytes(args, frames, left_out) -> int:
    from ..captures import playing, targets
    pace = playing.Pace(float("inf") if args.fast else args.speed, args.interval)
    played = size = 0
    with targets.open_target(args.to, _say) as target, _Progress(len(frames)) as progress:
        begun = time.monotonic()
        try:
            for frame in frames:
                data = playing.encoded(frame, args.format)
                due = pace.at if frame.piece.fault else pace.due(frame.time)
                if data is None:
                    _count(left_out, "damaged", 1)
                    continue
                _wait(begun + due)
                target.write(data)
                played, size = played + 1, size + len(data)
                progress.step(played)
        except OSError as e:
            raise CommandError(f"{target.name}: the reader has gone after {played} frames "
                               f"({e.strerror or e})") from None
    _say(f"{played} frames, {size} bytes in {time.monotonic() - begun:.1f} s to {target.name}{_reasons(left_out)}")
    return 0


def _to_receiver(args, frames, left_out) -> int:
    import wmbus

    from ..captures import playing
    from ..captures.piece import AIR
    from ..captures.posting import WATER, Poster
    if args.gateway is None:
        raise CommandError("a receiver takes batches of an enrolled gateway only: give its directory with --gateway")
    telegrams = []
    for frame in frames:
        if frame.kind == "han":
            _count(left_out, "of a HAN port, which a gateway does not send", 1)
            continue
        for data in (wmbus.Reader().feed(frame.data) if frame.piece.kind == AIR else [wmbus.strip_crc(frame.data)]):
            try:
                water = wmbus.meter(data).type in WATER
            except wmbus.DecodeError:
                _count(left_out, "damaged", 1)
                continue
            if water:
                telegrams.append((data, frame))
            else:
                _count(left_out, "of another medium, which a gateway does not relay", 1)
    if not telegrams:
        raise CommandError(f"{args.file}: nothing to send{_reasons(left_out)}")
    pace = playing.Pace(float("inf") if args.fast else args.speed, args.interval)
    poster = Poster(args.to, args.gateway)
    begun = flushed = time.monotonic()
    try:
        with _Progress(len(telegrams)) as progress:
            for data, frame in telegrams:
                due = begun + pace.due(frame.time)
                if due - flushed > FLUSH_S:
                    poster.flush()
                    flushed = time.monotonic()
                _wait(due)
                rssi = frame.piece.rssi if frame.piece.rssi is not None and -128 <= frame.piece.rssi < 0 else 0
                poster.add(data, rssi, poster.now())
                progress.step(poster.taken)
            poster.flush()
            progress.step(poster.taken)
    except KeyboardInterrupt:
        poster.flush()
        raise
    finally:
        poster.close()
    _say(f"{poster.taken} telegrams in {poster.batches - 1} batches taken by {poster.name} "
         f"as {poster.identity.gateway}{_reasons(left_out)}")
    return 0


def _wait(until: float) -> None:
    pause = until - time.monotonic()
    if pause > 0:
        time.sleep(pause)


def _count(left_out: "dict[str, int]", why: str, n: int) -> None:
    if n:
        left_out[why] = left_out.get(why, 0) + n


def _reasons(left_out: "dict[str, int]") -> str:
    text = ", ".join(f"{n} {why}" for why, n in left_out.items() if n)
    return f"; left out: {text}" if text else ""


def _say(text: str) -> None:
    print(f"netti replay: {text}", file=sys.stderr, flush=True)


class _Progress:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, total: int):
        self.bar = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
            self.bar = Progress("replay", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                                console=Console(stderr=True), transient=True)
            self.task = self.bar.add_task("replay", total=total)

    def __enter__(self):
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, *error) -> None:
        if self.bar:
            self.bar.stop()

    def step(self, done: int) -> None:
        """Show that so many frames are through."""
        if self.bar:
            self.bar.update(self.task, completed=done)
