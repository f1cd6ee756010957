"""``malle account``: mailboxes."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from services.admin.desk import Desk
from services.admin.output import local_time, print_columns, print_json
from services.admin.sizes import format_size, parse_quota
from services.admin.trouble import DirectoryError
from services.kernel.directory.account import UNLIMITED, MailboxFormat

app = typer.Typer(name="account", help="Mailboxes: add, list, passwd, quota, format, enable, disable, delete.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(help="The full address.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
_FORMAT = "How mail is stored. IMAP and POP3 show a maildir only; an mbox is for local programs."


def _read_password(*, from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        raise typer.BadParameter("there is no terminal to ask for the password on; use --password-stdin")
    if not password:
        raise DirectoryError("the password is empty")
    return password


def _hash(password: str) -> str:
    from services.kernel.directory.passwords import hash_password

    return hash_password(password)


def _keep_keys(desk: Desk, address: str, password: str) -> None:
    """Keep what SCRAM needs beside the hash, which cannot serve it."""
    from services.kernel.sasl.scram import derive

    desk.writer().set_scram(address, derive(password).text())


@app.command()
def add(  # noqa: PLR0913  # each parameter is an option of the command
    context: typer.Context,
    address: Address,
    password_stdin: PasswordStdin = False,
    quota: Annotated[str, typer.Option(help="Most bytes, such as 500M or 2G; 0 for the quota of the domain, none for no limit.")] = "0",
    messages: Annotated[int, typer.Option(help="Most messages; 0 for the number of the domain, -1 for no limit.", min=-1)] = 0,
    mailbox_format: Annotated[MailboxFormat, typer.Option(help=_FORMAT)] = MailboxFormat.MAILDIR,
) -> None:
    """Make a mailbox; a domain that is missing is made, hosted."""
    desk: Desk = context.obj
    quota_bytes = parse_quota(quota)
    password = _read_password(from_stdin=password_stdin)
    if desk.writer().add_account(address, _hash(password), quota_bytes, messages, mailbox_format=mailbox_format):
        typer.echo(f"made the hosted domain {address.rpartition('@')[2].lower()}")
    _keep_keys(desk, address, password)
    typer.echo(f"made the account {address.lower()}")


@app.command(name="list")
def list_accounts(
    context: typer.Context,
    domain: Annotated[str, typer.Argument(help="Only those of this domain.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List mailboxes. SCRAM tells who has keys for it, which a new password brings; `-` is an account without a password."""
    desk: Desk = context.obj
    found = [account for account in desk.writer().accounts() if not domain or account.address.endswith(f"@{domain.lower()}")]
    if as_json:
        names = ("address", "quota_bytes", "quota_messages", "enabled", "created", "mailbox_format")
        print_json([{**{name: getattr(account, name) for name in names}, "scram": bool(account.scram)} for account in found])
        return
    rows = [
        (
            account.address,
            _format_quota(account.quota_bytes, format_size),
            _format_quota(account.quota_messages, str),
            "yes" if account.enabled else "no",
            "yes" if account.scram else "no" if account.password_hash else "-",
            account.mailbox_format,
            local_time(account.created),
        )
        for account in found
    ]
    print_columns(("ADDRESS", "QUOTA", "MESSAGES", "ENABLED", "SCRAM", "FORMAT", "CREATED"), rows)


@app.command()
def passwd(context: typer.Context, address: Address, password_stdin: PasswordStdin = False) -> None:
    """Set the password of a mailbox."""
    desk: Desk = context.obj
    writer = desk.writer()
    writer.account(address)
    password = _read_password(from_stdin=password_stdin)
    writer.change_account(address, password_hash=_hash(password))
    _keep_keys(desk, address, password)
    typer.echo(f"changed the password of {address.lower()}")


@app.command()
def quota(
    context: typer.Context,
    address: Address,
    size: Annotated[str, typer.Argument(help="Most bytes, such as 500M or 2G; 0 for the quota of the domain, none for no limit.")],
    messages: Annotated[int | None, typer.Option(help="Most messages; 0 for the number of the domain, -1 for no limit.", min=-1)] = None,
) -> None:
    """Set the quota of a mailbox; without one it has that of its domain (malle domain quota)."""
    desk: Desk = context.obj
    limits = {"quota_bytes": parse_quota(size)} | ({} if messages is None else {"quota_messages": messages})
    desk.writer().change_account(address, **limits)
    typer.echo(f"changed the quota of {address.lower()}")


@app.command(name="format")
def change_format(context: typer.Context, address: Address, mailbox_format: Annotated[MailboxFormat, typer.Argument(help=_FORMAT)]) -> None:
    """Store mail that comes from now on as a maildir or as an mbox; what is there stays where it is."""
    desk: Desk = context.obj
    desk.writer().change_account(address, mailbox_format=mailbox_format)
    typer.echo(f"changed the format of {address.lower()} to {mailbox_format}")


def _format_quota(limit: int, form: Callable[[int], str]) -> str:
    return "none" if limit == UNLIMITED else form(limit) if limit else "-"


@app.command()
def enable(context: typer.Context, address: Address) -> None:
    """Let a mailbox sign in and get mail again."""
    desk: Desk = context.obj
    desk.writer().change_account(address, enabled=True)
    typer.echo(f"enabled {address.lower()}")


@app.command()
def disable(context: typer.Context, address: Address) -> None:
    """Shut a mailbox: no login and no new mail; what is there is kept."""
    desk: Desk = context.obj
    desk.writer().change_account(address, enabled=False)
    typer.echo(f"disabled {address.lower()}")


@app.command()
def delete(context: typer.Context, address: Address) -> None:
    """Forget a mailbox; its mail stays on the disk."""
    desk: Desk = context.obj
    desk.writer().delete_account(address)
    typer.echo(f"deleted the account {address.lower()}; its mail stays on the disk")
