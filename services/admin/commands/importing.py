"""``malle import``: the configuration of another mail server becomes ours."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.admin.desk import Desk
from services.admin.output import plural, print_json

if TYPE_CHECKING:
    from services.admin.postfix.draft import Draft

app = typer.Typer(name="import", help="Take over the configuration of another mail server: postfix.", no_args_is_help=True)

UNSUPPORTED_STATUS = 3
"""Exit status of ``--strict`` when something is not supported; 1 is an error and 2 a wrong command line."""


@app.callback()
def start() -> None:
    """Take over the configuration of another mail server."""


@app.command()
def postfix(  # noqa: PLR0913  # the parameters of a command are its options
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder with main.cf, master.cf and the tables they name.")],
    out: Annotated[Path | None, typer.Option("--out", help="Where to write; the folder of the configuration file by default.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit status 3 when something is not supported.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write malleposte.yaml, tables and directory.yaml, and say what became of each parameter.

    Exit status 0: everything was written and is a good configuration; 1: Postfix's files cannot be read, the target cannot be written, or
    `malle config check` finds a fault in the result; 3, with --strict only: something is not supported.
    """
    from services.admin.configuration import check
    from services.admin.postfix.lines import ImportTrouble
    from services.admin.postfix.site import import_site
    from services.admin.postfix.writing import parts, write

    desk: Desk = context.obj
    target = out or desk.path.parent
    try:
        draft = import_site(folder)
    except ImportTrouble as trouble:
        typer.echo(f"malle: {trouble}", err=True)
        raise typer.Exit(1) from None
    files = parts(draft, folder)
    write(target, files, overwrites=force)
    faults = check(target / "malleposte.yaml")
    (_print_json if as_json else _print)(draft, target, [name for name, _ in files], faults)
    if faults:
        raise typer.Exit(1)
    if strict and _unsupported(draft):
        raise typer.Exit(UNSUPPORTED_STATUS)


def _unsupported(draft: "Draft") -> int:
    from services.admin.postfix.findings import Verdict

    return sum(finding.verdict in (Verdict.UNSUPPORTED, Verdict.UNKNOWN) for finding in draft.findings)


def _print(draft: "Draft", target: Path, files: list[str], faults: list[str]) -> None:
    from services.admin.postfix.findings import Verdict

    for verdict in Verdict:
        chosen = [finding for finding in draft.findings if finding.verdict is verdict]
        if chosen:
            typer.echo(f"{verdict}:")
        for finding in chosen:
            typer.echo(f"  {finding.place} {finding.name}: {finding.text}")
    if draft.notes:
        typer.echo("by hand:")
    for note in draft.notes:
        typer.echo(f"  {note}")
    if "directory.yaml" in files:
        typer.echo(f"  malle directory import {target / 'directory.yaml'}    {', '.join(_content(draft))}")
    typer.echo(f"wrote {plural(len(files), 'file')} to {target}: {', '.join(files)}")
    for fault in faults:
        typer.echo(f"malle: {fault}", err=True)


def _content(draft: "Draft") -> list[str]:
    return [f"domain {name}" for name in draft.domains] + ([plural(len(draft.accounts), "account")] if draft.accounts else [])


def _print_json(draft: "Draft", target: Path, files: list[str], faults: list[str]) -> None:
    print_json(
        {
            "target": str(target),
            "files": files,
            "findings": [finding.as_dict() for finding in draft.findings],
            "by_hand": draft.notes,
            "domains": list(draft.domains),
            "accounts": list(draft.accounts),
            "faults": faults,
        }
    )
