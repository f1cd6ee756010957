"""``malle config``: the configuration as a whole."""

from typing import Annotated

import typer

from services.admin.desk import Desk
from services.admin.output import print_json

app = typer.Typer(name="config", help="The configuration: check, show, reference.", no_args_is_help=True)


@app.command()
def check(context: typer.Context) -> None:
    """Check the whole configuration and its tables; exit status 1 with a line for each fault."""
    from services.admin.configuration import check as find_faults

    desk: Desk = context.obj
    faults = find_faults(desk.path)
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(1)
    typer.echo(f"{desk.path} is good")


@app.command()
def show(
    context: typer.Context,
    defaults: Annotated[bool, typer.Option("--defaults", help="Also what was not set.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the configuration in effect."""
    import yaml

    from services.admin.configuration import effective

    desk: Desk = context.obj
    values = effective(desk.document, with_defaults=defaults)
    if as_json:
        print_json(values)
    else:
        typer.echo(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), nl=False)


@app.command()
def reference() -> None:
    """Print the reference of all settings, in Markdown."""
    from services.admin.configuration import reference as render

    typer.echo(render(), nl=False)
