"""``malle trace`` and ``malle events``: what happened."""

import json
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from services.admin.desk import Desk
from services.admin.output import print_json

FOLLOW_SECONDS = 0.25
"""How often ``malle events --follow`` looks for new lines."""


def trace(
    context: typer.Context,
    word: Annotated[str, typer.Argument(metavar="QUEUE-ID|MESSAGE-ID|ADDRESS", help="Or a trace id.")],
    limit: Annotated[int, typer.Option(help="Most messages, the latest ones.", min=1)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: a list of events for each message.")] = False,
) -> None:
    """Show the way of a message through all containers, in order of time; on a secondary also what its primary did with it."""
    from services.admin.trace.following import follow
    from services.admin.trace.index import Index
    from services.admin.trace.timeline import timeline

    desk: Desk = context.obj
    index = Index(desk.settings.events_directory)
    index.catch_up()
    found = follow(desk.settings.standby, index.find(word, limit), partial(typer.echo, err=True))
    if as_json:
        print_json([[json.loads(line) for line in lines] for lines in found])
    for lines in () if as_json else found:
        typer.echo("\n".join(timeline(lines)))
    if not found:
        typer.echo(f"malle: nothing is known of {word}", err=True)
        raise typer.Exit(1)


def events(
    context: typer.Context,
    kind: Annotated[list[str] | None, typer.Option(help="Only these kinds; may be repeated.")] = None,
    count: Annotated[int, typer.Option("--lines", "-n", help="How many of the last events.", min=0)] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new ones.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON lines as they are.")] = False,
) -> None:
    """Show the latest events of all containers."""
    from services.admin.trace.files import Position, event_files, last_lines, read_on

    desk: Desk = context.obj
    folder = desk.settings.events_directory
    positions: dict[Path, Position | None] = {}
    lines: list[bytes] = []
    for path in event_files(folder):
        found, positions[path] = last_lines(path)
        lines += found
    _print(lines, kind, as_json=as_json, last=count)
    while follow:
        time.sleep(FOLLOW_SECONDS)
        lines = []
        for path in event_files(folder):
            found, positions[path] = read_on(path, positions.get(path))
            lines += found
        _print(lines, kind, as_json=as_json)


def _print(lines: list[bytes], kinds: list[str] | None, *, as_json: bool, last: int | None = None) -> None:
    from services.admin.trace.timeline import clock, describe

    decoded = [(event, line) for line in lines if (event := _decode(line)) and (not kinds or event.get("kind") in kinds)]
    decoded.sort(key=lambda pair: pair[0].get("time", 0.0))
    for event, line in decoded if last is None else decoded[len(decoded) - min(last, len(decoded)) :]:
        typer.echo(line.decode(errors="replace") if as_json else f"{clock(event.get('time', 0.0))}  {describe(event)}")


def _decode(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
