"""``malle``: the operator's command line.

Modules that cost time are imported inside the commands that need them, so that each command starts in a fraction of a second.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from services.admin.commands import (
    account,
    alias,
    config,
    directory,
    domain,
    explain,
    importing,
    lookup,
    mailbox,
    mx,
    queue,
    relay,
    sieve,
    site,
    trace,
    verify,
)
from services.admin.desk import Desk
from services.admin.trouble import ControlError, DirectoryError

app = typer.Typer(
    name="malle",
    help="Run a Malleposte mail site.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (account, alias, domain, mailbox, queue, relay, mx, verify, config, directory, sieve, importing):
    app.add_typer(group.app)
app.add_typer(lookup.map_app)
for command in (site.init, site.health, explain.explain, trace.trace, trace.events):
    app.command()(command)


@app.callback()
def start(
    context: typer.Context,
    file: Annotated[Path, typer.Option("--config", help="The configuration file.")] = Path("/etc/malleposte/malleposte.yaml"),
) -> None:
    """Run a Malleposte mail site."""
    context.obj = Desk(file)


def main() -> None:
    """Run one command; a fault is one clear line and exit status 1."""
    try:
        app(prog_name="malle")
    except SystemExit:
        raise
    except KeyboardInterrupt:
        sys.exit(130)
    except _faults() as error:
        for line in str(error).splitlines():
            typer.echo(f"malle: {line}", err=True)
        sys.exit(1)


def _faults() -> tuple[type[Exception], ...]:
    """What a command may fail with. Asked for only when one has, so that a command which needs no configuration never imports its parser."""
    import sqlite3

    from services.kernel.runtime.fault import ConfigError
    from services.kernel.tables.lookup import LookupTrouble

    return ConfigError, ControlError, DirectoryError, LookupTrouble, OSError, sqlite3.Error


if __name__ == "__main__":
    main()
