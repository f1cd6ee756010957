"""The tables of one process, opened by their names in the configuration."""

import time
from collections.abc import Callable
from pathlib import Path

from services.kernel.tables.lookup import Table

ROOT = Path("/etc/malleposte/tables")
"""Where relative file names start."""


class Tables:
    """Opens each table once, however often it is named."""

    def __init__(self, on_trouble: Callable[[str], None], root: Path = ROOT, clock: Callable[[], float] = time.monotonic) -> None:
        self._on_trouble = on_trouble
        self._root = root
        self._clock = clock
        self._open: dict[str, Table] = {}

    def open(self, name: str) -> Table:
        """The table ``type:file``. Raises ``ConfigError`` for a type there is not; a bad file raises only at lookup."""
        raise NotImplementedError
