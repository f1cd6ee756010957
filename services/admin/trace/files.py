"""Reading on in an append-only file that its writer rotates to ``NAME.1``."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

BLOCK_BYTES = 2 * 1024 * 1024
"""Some 6,000 events: one transaction of the index."""
HEAD_BYTES = 64
"""Enough of the first line to hold its time, so that an inode number used again is not taken for the same file."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading stopped: in which file, known by inode and first bytes, and how far."""

    inode: int
    head: bytes
    offset: int


def event_files(folder: Path) -> list[Path]:
    """The files that are being written, one a service instance, by name."""
    return sorted(folder.glob("*.jsonl"))


def read_on(path: Path, position: Position | None) -> tuple[list[bytes], Position | None]:
    """Whole lines after ``position`` and the position behind them; no lines when there are none yet. Raises ``OSError``.

    What is left in the rotated file comes first, then the new one from its start.
    """
    if position is not None:
        for candidate in (path, path.with_suffix(".jsonl.1")):
            lines, reached = _continue(candidate, position)
            if lines or (reached is not None and candidate == path):
                return lines, reached
    with path.open("rb") as file:
        return _read(file, 0)


def _continue(path: Path, position: Position) -> tuple[list[bytes], Position | None]:
    """Read on if this is the file of the position and it did not shrink."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_ino != position.inode or status.st_size < position.offset or file.read(len(position.head)) != position.head:
                return [], None
            return _read(file, position.offset)
    except FileNotFoundError:
        return [], None


def _read(file: BinaryIO, offset: int) -> tuple[list[bytes], Position]:
    file.seek(0)
    head = file.read(HEAD_BYTES)
    file.seek(offset)
    block = file.read(BLOCK_BYTES)
    end = block.rfind(b"\n") + 1
    if end == 0 and len(block) == BLOCK_BYTES:
        end = len(block)  # no event is that long: step over the damage
    return block[:end].splitlines(), Position(os.fstat(file.fileno()).st_ino, head, offset + end)


def last_lines(path: Path) -> tuple[list[bytes], Position | None]:
    """The lines of a file's last block and the position behind them. Raises ``OSError``."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        lines, position = _read(file, max(0, size - BLOCK_BYTES))
    return lines, position
