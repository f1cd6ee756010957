"""``malle sieve``: is a script right, and what would it do with a message?"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.admin.desk import Desk
from services.admin.output import age, print_json

if TYPE_CHECKING:
    from services.admin.sieving import House
    from services.kernel.sieve.delivery import Envelope, Result

app = typer.Typer(name="sieve", help="Sieve scripts: check, test.", no_args_is_help=True)


@app.callback()
def start() -> None:
    """Sieve scripts."""


@app.command()
def check(
    context: typer.Context,
    scripts: Annotated[list[str], typer.Argument(metavar="SCRIPT...", help="Files; - is stdin.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print each error of scripts, and of those they include, with file, line and column; exit status 1 when there is one.

    With a configuration, its section sieve says what is allowed.
    """
    from services.admin.sieving import flaws_of

    house = _house(context.obj)
    found = [
        {"file": file, "line": flaw.line, "column": flaw.column, "message": flaw.message}
        for name in scripts
        for file, flaw in flaws_of(name, _read(name), house)
    ]
    if as_json:
        print_json(found)
    else:
        for flaw in found:
            typer.echo(f"{flaw['file']}:{flaw['line']}:{flaw['column']}: {flaw['message']}")
    if found:
        raise typer.Exit(1)


@app.command("test")
def try_script(  # noqa: PLR0913  # each parameter is an option of the command
    context: typer.Context,
    script: Annotated[Path, typer.Argument(metavar="SCRIPT", help="What it includes lies beside it.")],
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="A file with a message; - is stdin.")],
    sender: Annotated[str | None, typer.Option("--from", help="Envelope sender, '' for a bounce; else from Return-Path or From.")] = None,
    recipient: Annotated[str, typer.Option("--to", help="Envelope recipient; else from Delivered-To or To.")] = "",
    address: Annotated[list[str] | None, typer.Option(help="Another address of the user; may be repeated.")] = None,
    mailbox: Annotated[list[str] | None, typer.Option(help="A mailbox that exists; may be repeated.")] = None,
    special_use: Annotated[list[str] | None, typer.Option(metavar="ATTRIBUTE=MAILBOX", help=r"Such as '\Junk=Spam'; may be repeated.")] = None,
    annotation: Annotated[list[str] | None, typer.Option(metavar="MAILBOX:ENTRY=VALUE", help="Without MAILBOX: the server's.")] = None,
    is_duplicate: Annotated[bool, typer.Option("--seen", help="The message was seen before (duplicate).")] = False,
    before: Annotated[list[Path] | None, typer.Option(help="A script of the site that runs before; may be repeated.")] = None,
    after: Annotated[list[Path] | None, typer.Option(help="A script of the site that runs after; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which rules match a message, line by line, and what would happen. Nothing is stored or sent.

    Exit status 1 when a script has errors or fails: then the message would be kept in INBOX.
    """
    from services.admin.sieving import Occasion, Scripts, try_out
    from services.kernel.sieve.flaws import SieveErrors

    special = dict(_pair(each) for each in special_use or [])
    notes = dict(_annotation(each) for each in annotation or [])
    occasion = Occasion(sender, recipient, tuple(address or ()), (*(mailbox or ()), *special.values()), special, notes, is_duplicate)
    scripts = Scripts(script, tuple(before or ()), tuple(after or ()))
    try:
        result, envelope = try_out(scripts, _read(message), occasion, _house(context.obj))
    except SieveErrors:
        _tell_flaws([*scripts.before, script, *scripts.after], _house(context.obj))
        raise typer.Exit(1) from None
    if as_json:
        print_json(_as_value(result, envelope))
    else:
        typer.echo("\n".join(_lines(result, envelope)))
    if result.error is not None:
        raise typer.Exit(1)


def _house(desk: Desk) -> "House":
    """What the site allows; without a configuration, what every site does."""
    from services.admin.sieving import House

    if not desk.path.exists():
        return House()
    from services.kernel.mailbox.config import SieveSettings

    settings = desk.document.section(SieveSettings, "sieve")
    return House(settings.limits, settings.extensions, included=settings.included, recipient_delimiter=desk.site.recipient_delimiter)


def _read(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _pair(text: str) -> tuple[str, str]:
    attribute, equals, mailbox = text.partition("=")
    if not equals or not attribute.startswith("\\") or not mailbox:
        raise typer.BadParameter(rf"'{text}' is not of the form \Junk=Spam")
    return attribute, mailbox


def _annotation(text: str) -> tuple[tuple[str, str], str]:
    name, equals, value = text.partition("=")
    mailbox, colon, entry = name.rpartition(":")
    if not equals or not colon or not entry.startswith("/"):
        raise typer.BadParameter(f"'{text}' is not of the form INBOX:/private/comment=value")
    return (mailbox, entry.lower()), value


def _tell_flaws(paths: list[Path], house: "House") -> None:
    from services.admin.sieving import flaws_of

    for path in paths:
        for file, flaw in flaws_of(str(path), path.read_bytes(), house):
            typer.echo(f"{file}:{flaw.line}:{flaw.column}: {flaw.message}", err=True)


def _lines(result: "Result", envelope: "Envelope") -> Iterator[str]:
    from services.admin.sieving import describe

    yield f"from <{envelope.sender}> to <{envelope.recipient}>"
    script = ""
    for step in result.trace:
        if step.script != script:
            script = step.script
            yield f"{script}:"
        answer = "" if step.outcome is None else " -> yes" if step.outcome else " -> no"
        yield f"{step.line:5}  {'  ' * step.depth}{step.text}{answer}"
    for warning in result.warnings:
        yield f"warning: {warning}"
    if result.error is not None:
        yield f"failed: {result.error}"
    yield "what would happen:"
    for action in result.actions:
        yield f"  {describe(action)}"
        if (head := getattr(action, "head", None)) is not None:
            yield from (f"      {line}" for line in head.decode("utf-8", "replace").split("\r\n") if line)
    for mark in result.marks:
        yield f"  remember for {age(mark.seconds)} that this message was seen"


def _as_value(result: "Result", envelope: "Envelope") -> dict[str, Any]:
    import msgspec

    from services.admin.sieving import describe

    def plain(value: object) -> Any:
        return msgspec.to_builtins(value, builtin_types=(bytes,), enc_hook=str)

    actions = [{"action": type(each).__name__.lower(), "description": describe(each)} | plain(each) for each in result.actions]
    for action in actions:
        if isinstance(action.get("head"), bytes):
            action["head"] = action["head"].decode("utf-8", "replace")
    return {
        "envelope": {"from": envelope.sender, "to": envelope.recipient},
        "trace": plain(result.trace),
        "warnings": plain(result.warnings),
        "error": plain(result.error),
        "actions": actions,
        "marks": plain(result.marks),
        "steps": result.steps,
    }
