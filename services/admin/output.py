"""How commands print: aligned columns for people, one JSON value for programs."""

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

import typer


def print_json(value: Any) -> None:
    """One value, indented."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A header and rows; every column but the last is as wide as its widest cell. Nothing at all when there are no rows.

    Written in one go: the image has Python write at once what it is given, and each piece wakes the engine that carries it to the terminal.
    """
    lines = [header, *rows]
    if len(lines) == 1:
        return
    widths = [max(len(line[column]) for line in lines) for column in range(len(header) - 1)]
    padded = ([*map(str.ljust, line, widths), line[-1]] for line in lines)
    typer.echo("\n".join("  ".join(cells).rstrip() for cells in padded))


def local_time(seconds: float) -> str:
    """``2026-11-21 07:31:27`` in the time zone of the container; empty for 0."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else ""


def age(seconds: float) -> str:
    """A duration in its two largest units: ``3d4h``, ``5m12s``, ``0s``."""
    rest = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return "".join(parts[:2])


def plural(count: int, noun: str) -> str:
    """``1 message``, ``2 messages``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
