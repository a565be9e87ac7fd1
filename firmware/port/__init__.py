"""What differs between MicroPython and CPython, and nothing else: AES, time, random; files, streams and TLS beside it.

Law: no other module of the gateway asks which runtime it is on. Modules that must not import this one are given it as
an argument, so that a test can put another in its place.

Time is counted in whole milliseconds (a float on an ESP32 has 24 bits) since the start, and can be made to run faster
(`set_scale`) for a simulated street: then `uptime_ms` runs that much faster and `sleep` that much shorter. Network
timeouts stay in real seconds.
"""

import asyncio
import gc
import os
import sys
import time

MICROPYTHON = sys.implementation.name == "micropython"

_EPOCH_2000 = 946684800
TIDY_BYTES = 48 * 1024  # allocated between two collections


# --- AES --------------------------------------------------------------------------------------------------------------

if MICROPYTHON:
    import cryptolib

    class _Aes:
        """One key; MicroPython's cipher objects go one direction each."""

        def __init__(self, key):
            self._key = key
            self._encrypt = self._decrypt = None

        def ecb_encrypt(self, blocks):
            if self._encrypt is None:
                self._encrypt = cryptolib.aes(self._key, 1)
            return self._encrypt.encrypt(blocks)

        def ecb_decrypt(self, blocks):
            if self._decrypt is None:
                self._decrypt = cryptolib.aes(self._key, 1)
            return self._decrypt.decrypt(blocks)
else:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    class _Aes:  # type: ignore[no-redef]
        """One key."""

        def __init__(self, key):
            cipher = Cipher(algorithms.AES(key), modes.ECB())
            self.ecb_encrypt = cipher.encryptor().update
            self.ecb_decrypt = cipher.decryptor().update


def aes(key):
    """An object with `ecb_encrypt` and `ecb_decrypt` over any multiple of 16 bytes, for a 16- or 32-byte key."""
    return _Aes(bytes(key))


# --- time -------------------------------------------------------------------------------------------------------------

_scale = 1
_simulated: "int | None" = None  # what the system clock said at the start of a simulation, Unix seconds
_elapsed = 0  # milliseconds of real time counted so far
if MICROPYTHON:
    _last = time.ticks_ms()  # type: ignore[attr-defined]

    def _real_ms():
        """Real milliseconds since import; ticks wrap after days, so the differences are added up."""
        global _elapsed, _last
        now = time.ticks_ms()  # type: ignore[attr-defined]
        _elapsed += time.ticks_diff(now, _last)  # type: ignore[attr-defined]
        _last = now
        return _elapsed
else:
    _last = time.monotonic_ns()

    def _real_ms():
        """Real milliseconds since import."""
        return (time.monotonic_ns() - _last) // 1000000


def set_scale(scale, system=None):
    """Let time run `scale` times as fast (simulation only), 1 is real time; with a system clock that says `system` now
    (Unix seconds), or that nobody keeps right (None)."""
    global _scale, _simulated
    _scale = scale
    _simulated = None if system is None else system - uptime_ms() // 1000


def scale():
    """How much faster than real time this gateway lives."""
    return _scale


def real_ms():
    """Milliseconds of real time since the start, whatever the scale: for timeouts and the display."""
    return _real_ms()


def uptime_ms():
    """Milliseconds since the start, in the gateway's own time."""
    return _real_ms() * _scale


async def sleep(seconds):
    """Sleep for some seconds of the gateway's own time."""
    await asyncio.sleep(seconds / _scale)


async def wait_event(event, seconds):
    """Wait for an asyncio.Event at most some seconds of the gateway's own time; whether it came."""
    try:
        await asyncio.wait_for(event.wait(), seconds / _scale)
    except asyncio.TimeoutError:
        return False
    return True


async def within(seconds, awaitable):
    """Await a coroutine for at most some real seconds; raises OSError after that."""
    try:
        return await asyncio.wait_for(awaitable, seconds)
    except asyncio.TimeoutError:
        raise OSError("timed out")  # noqa: B904 - MicroPython keeps no cause


def system_time():
    """Unix seconds of a system clock that something else keeps right, or None: time from the network on Linux."""
    if _simulated is not None:
        return _simulated + uptime_ms() // 1000
    if _scale != 1:
        return None
    if MICROPYTHON or not os.path.exists("/run/systemd/timesync/synchronized"):
        return None
    return int(time.time())


def set_system_time(unix):
    """Give the chip's clock the time, for TLS to check certificates by; nothing on an operating system."""
    try:
        import machine
        rtc = machine.RTC()
    except (ImportError, AttributeError):
        return
    t = time.gmtime(unix - (_EPOCH_2000 if time.gmtime(0)[0] == 2000 else 0))
    rtc.datetime((t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0))


def random_bytes(n):
    """Bytes from the system's generator."""
    return os.urandom(n)


def jitter_entropy(rounds=64):
    """Bytes from the timing of this very loop: mixed in where a key is made, never alone."""
    out = bytearray()
    for _ in range(rounds):
        out.append((time.ticks_us() if MICROPYTHON else time.perf_counter_ns()) & 255)  # type: ignore[attr-defined]
    return bytes(out)


# --- the process ------------------------------------------------------------------------------------------------------

def print_line(text):
    """One line on standard output, at once."""
    print(text)
    if not MICROPYTHON:
        sys.stdout.flush()


_ARCHITECTURES = ("", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa",
                  "xtensawin", "rv32imc", "rv64imc")  # py/persistentcode.h of MicroPython


def mpy():
    """(version of .mpy files that load here, architecture whose native code runs here, "" for none)."""
    if not MICROPYTHON:
        return 0, ""
    code = sys.implementation._mpy
    number = code >> 10 & 15
    return code & 255, _ARCHITECTURES[number] if number < len(_ARCHITECTURES) else ""


def trace(error):
    """The text of an exception with where it came from."""
    if MICROPYTHON:
        import io
        out = io.StringIO()
        sys.print_exception(error, out)  # type: ignore[attr-defined]
        return out.getvalue()
    import traceback
    return "".join(traceback.format_exception(error))


def on_terminate(stop):
    """Call `stop` when the process is asked to end. MicroPython knows no signals but the interrupt, which raises
    wherever it strikes; SIGTERM just ends it, and costs no more than a power cut does."""
    if MICROPYTHON:
        return
    import signal
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop)
    loop.add_signal_handler(signal.SIGINT, stop)


def forget(modules):
    """Drop modules: the memory of what nobody holds any part of comes back with the next collection, and the next
    import loads it again. CPython keeps them."""
    if not MICROPYTHON:
        return
    for name in modules:
        if name in sys.modules:
            del sys.modules[name]
            package, _, last = name.rpartition(".")
            if package in sys.modules and hasattr(sys.modules[package], last):
                delattr(sys.modules[package], last)


def empty(name):
    """Drop a module that has done its work, with all that it holds: what is left of its calls on the stack may be taken
    for a reference to it, and would keep what it imported too."""
    if MICROPYTHON:
        sys.modules[name].__dict__.clear()
        forget((name,))


def tidy():
    """Collect garbage often: what lives stays together then, and a long piece can still be had from a small heap."""
    if MICROPYTHON:
        gc.threshold(TIDY_BYTES)  # type: ignore[attr-defined]


def watchdog(seconds):
    """Start the chip's watchdog: a function to be called at least so often, or None where there is none."""
    try:
        from machine import WDT
    except ImportError:
        return None
    return WDT(timeout=seconds * 1000).feed


def reset_cause():
    """The chip's number for what reset it last (machine.reset_cause), 0 where there is none."""
    try:
        import machine
        return machine.reset_cause()
    except (ImportError, AttributeError):
        return 0


_peak = 0


def memory():
    """Collect garbage; (free, used, most ever used before a collection) bytes of the heap, None where it has no bound.

    Called in quiet moments, for it also keeps what lives together: a small heap ends in crumbs otherwise.
    """
    if not MICROPYTHON:
        return None
    global _peak
    _peak = max(_peak, gc.mem_alloc())  # type: ignore[attr-defined]
    gc.collect()
    return gc.mem_free(), gc.mem_alloc(), _peak  # type: ignore[attr-defined]


# What is in the modules beside this one, loaded for each use: a device drops it in between.
_ELSEWHERE = {
    "connect": "streams", "close": "streams", "datagram": "streams", "open_stream": "streams",
    "flash": "flash_image", "join": "wifi", "wlan": "wifi", "millivolts": "supply", "inverts": "uart",
    "lamp": "pins", "button": "pins", "set_pins": "pins", "spi_bus": "spi",
    "tls_context": "tls", "tls_unverified": "tls", "dates_hold": "tls",
}


def __getattr__(name):
    if name in ("files", "uart"):  # MicroPython's `from . import files` asks here before it looks for a module
        return __import__("firmware.port." + name, None, None, (name,))
    if name not in _ELSEWHERE:
        raise AttributeError(name)
    return getattr(__import__("firmware.port." + _ELSEWHERE[name], None, None, (name,)), name)
