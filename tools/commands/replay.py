"""`netti replay`: plays a capture to whatever reads such bytes, or to a receiver as a gateway would."""

import sys
import time
from pathlib import Path

from ..errors import CommandError
from ..stopping import Stop, Stopped

HELP = "play a capture at its own pace: to a gateway, to other software, to a receiver"
EXAMPLE = """netti replay han.bin --to pty                         as a serial port
  netti replay street.txt --to tcp-listen://7001 --speed 60   for a gateway's radio port
  netti replay street.txt --to https://localhost:8443 --gateway DIR

exit status:
  0 played to its end, or stopped by Ctrl-C or SIGTERM   2 wrong usage, or the other end has gone"""

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
    pace.add_argument("--speed", type=float, default=1.0, metavar="N", help="N times as fast as captured (default: 1)")
    pace.add_argument("--fast", action="store_true", help="without pauses")
    parser.add_argument("--interval", type=float, default=2.0, metavar="S",
                        help="seconds between frames where the capture holds no times (default: 2)")
    parser.add_argument("--times", choices=("shifted", "captured", "now"), default="shifted",
                        help="the times that a receiver and lines of rtl_wmbus are told, whatever the pace: shifted "
                             "(default), the capture's own distances with the last telegram as of when it goes out; "
                             "captured, as they stand there, in UTC; now, when each goes out")


def run(args) -> int:
    """Play the capture; 0 when all of it was taken, or as much as there was until a wish to stop."""
    with Stop() as stop:
        try:
            return _run(args, stop)
        except Stopped:
            _say("stopped before anything was played")
            return 0


def _run(args, stop) -> int:
    from ..captures import files, pieces, playing
    if not args.speed >= 0.001 or not 0 <= args.interval <= 86_400:
        raise CommandError("--speed is 0.001 or more, --interval 0 to 86400 seconds")
    name = "stdin" if args.file == "-" else args.file
    left_out: "dict[str, int]" = {}
    with files.open_input(args.file) as stream, stop.waiting():
        frames = list(playing.frames(pieces(stream, name), left_out))
    if args.to.startswith("https://"):
        if args.only == "han":
            raise CommandError("a gateway sends nothing of a HAN port without its owner's consent, nor does a replay")
        return _to_receiver(args, frames, left_out, stop)
    if args.to.startswith("http://"):
        raise CommandError("a receiver is spoken to over https only")
    if args.only:
        _count(left_out, f"not {args.only}", sum(f.kind != args.only for f in frames))
        frames = [f for f in frames if f.kind == args.only]
    elif len({f.kind for f in frames}) > 1:
        raise CommandError(f"{name} holds both wM-Bus and HAN frames: choose with --only")
    if not frames:
        raise CommandError(f"{name}: nothing to play{_reasons(left_out)}")
    return _to_bytes(args, frames, left_out, stop)


def _to_bytes(args, frames, left_out, stop) -> int:
    from ..captures import playing, targets
    plan = _plan(args, [f.time for f in frames], frozenset(n for n, f in enumerate(frames) if f.piece.fault))
    played = size = 0
    stopped = False
    with targets.open_target(args.to, _say, stop) as target, _Progress(len(frames)) as progress:
        begun = time.monotonic()
        plan.begin(time.time())
        _say(plan.pace_text("frames", not args.fast))
        if args.format == "rtlwmbus" and frames[0].kind == "wmbus":
            _say(plan.times_text())
        try:
            for n, frame in enumerate(frames):
                stop.sleep(begun + plan.due[n] - time.monotonic())
                data = playing.encoded(frame, args.format, plan.time(n, time.time()))
                if data is None:
                    _count(left_out, "damaged", 1)
                    continue
                target.write(data)
                played, size = played + 1, size + len(data)
                progress.step(played)
        except Stopped:
            stopped = True
        except OSError as e:
            raise CommandError(f"{target.name}: the reader has gone after {played} frames "
                               f"({e.strerror or e})") from None
    _say(f"{_so_far(stopped, played, len(frames))} frames, {size} bytes in {time.monotonic() - begun:.1f} s to "
         f"{target.name}{_reasons(left_out)}")
    return 0


def _to_receiver(args, frames, left_out, stop) -> int:
    from ..captures.posting import Poster
    if args.gateway is None:
        raise CommandError("a receiver takes batches of an enrolled gateway only: give its directory with --gateway")
    telegrams = list(_relayed(frames, left_out))
    if not telegrams:
        raise CommandError(f"{args.file}: nothing to send{_reasons(left_out)}")
    plan = _plan(args, [frame.time for _, frame in telegrams])
    with stop.waiting():
        poster = Poster(args.to, args.gateway, stop.sleep)
    begun = flushed = time.monotonic()
    plan.begin(poster.now())
    _say(plan.pace_text("telegrams", not args.fast))
    _say(plan.times_text())
    stopped = False
    try:
        with _Progress(len(telegrams)) as progress:
            try:
                for n, (data, frame) in enumerate(telegrams):
                    due = begun + plan.due[n]
                    if due - flushed > FLUSH_S:
                        poster.flush()
                        flushed = time.monotonic()
                    stop.sleep(due - time.monotonic())
                    rssi = frame.piece.rssi if frame.piece.rssi is not None and -128 <= frame.piece.rssi < 0 else 0
                    poster.add(data, rssi, plan.time(n, poster.now()))
                    progress.step(poster.durable)
                poster.flush()
            except Stopped:
                stopped = True
                _last(poster)
            progress.step(poster.durable)
    finally:
        poster.close()
    lost = f", {poster.pending} not taken" if poster.pending else ""
    _say(f"{_so_far(stopped, poster.durable, len(telegrams))} telegrams in {poster.batches - 1} batches taken by "
         f"{poster.name} as {poster.identity.gateway}{lost}{_reasons(left_out)}")
    return 0


def _last(poster) -> None:
    """Send what was played and is not taken yet; a receiver that is busy is not waited for."""
    try:
        poster.flush()
    except Stopped:
        pass


def _relayed(frames, left_out):
    """Yield (telegram, its frame) of what a gateway relays; the rest is counted in `left_out`."""
    import wmbus

    from ..captures.piece import AIR
    from ..captures.posting import WATER
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
                yield data, frame
            else:
                _count(left_out, "of another medium, which a gateway does not relay", 1)


def _plan(args, captured, at_once=frozenset()):
    from ..captures import pacing
    try:
        return pacing.Plan(captured, pacing.Pace(float("inf") if args.fast else args.speed, args.interval), args.times,
                           at_once)
    except ValueError as e:
        raise CommandError(f"--times {args.times}: {e}") from None


def _so_far(stopped, done, of):
    return f"stopped after {done} of {of}" if stopped else str(done)


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
