"""Runs first in every Python process of a profiled container: a sampler of CPU time, started by itself.

After each millisecond of CPU that the process took (ITIMER_PROF), the CPU time of every thread since the last sample is charged to the innermost
function of ours on that thread's stack, so that what libraries and the system do counts for who called them. It counts from when the file ``BEGIN``
is there, so that start-up is not in it. At the end of the process the sums go into a file of ``FOLDER``: function -> seconds.
"""

import atexit
import collections
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

FOLDER = "/profiles"
BEGIN = f"{FOLDER}/begin"
OURS = "/app/services/"
INTERVAL_SECONDS = 0.001
BETWEEN = "event loop and libraries"
"""Where no function of ours is on the stack."""

sums: collections.defaultdict[str, float] = collections.defaultdict(float)
clocks: dict[int, float] = {}
has_begun = False


def sample(_number: int, interrupted: FrameType | None) -> None:
    global has_begun
    if not has_begun and os.path.exists(BEGIN):
        has_begun = True
        sums.clear()
    frames: dict[int, FrameType | None] = {**sys._current_frames(), threading.get_ident(): interrupted}
    for thread, frame in frames.items():
        with contextlib.suppress(OSError, OverflowError):  # it has ended
            now = time.clock_gettime(time.pthread_getcpuclockid(thread))
            sums[function(frame)] += now - clocks.get(thread, 0.0)
            clocks[thread] = now
    # what sampling itself took is nobody's
    clocks[threading.get_ident()] = time.thread_time()


def function(frame: FrameType | None) -> str:
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(OURS):
            return f"{code.co_filename.removeprefix(OURS).removesuffix('.py')} {code.co_qualname}"
        frame = frame.f_back
    return BETWEEN


def start() -> None:
    sums.clear()
    clocks.clear()
    clocks[threading.get_ident()] = time.thread_time()
    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_SECONDS, INTERVAL_SECONDS)


def write() -> None:
    signal.setitimer(signal.ITIMER_PROF, 0)
    if not has_begun:  # a process that had nothing to do since
        return
    with open(f"{FOLDER}/{os.environ['PROFILED']}-{os.getpid()}.json", "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o644)  # whoever runs the benchmark reads it
        json.dump(sums, file)


def write_and_exit(status: int, _exit: Callable[[int], NoReturn] = os._exit) -> NoReturn:
    write()
    _exit(status)


if "PROFILED" in os.environ:
    atexit.register(write)
    os._exit = write_and_exit  # how a forked worker ends
    os.register_at_fork(after_in_child=start)
    start()
