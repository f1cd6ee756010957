"""The first step of a container's program."""

import importlib
import signal
import sys

from services.kernel.runtime import bundle


def run(module: str) -> None:
    """Load a module and run its ``main``. SIGTERM ends the program also while it loads.

    The first process of a container is deaf to a signal that it has not asked for: whoever stops a container that has just been started would wait
    for its whole grace period. There is nothing to finish yet, and nothing to reload.
    """
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    bundle.use()
    importlib.import_module(module).main()


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)
