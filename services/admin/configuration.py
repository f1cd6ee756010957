"""The whole configuration: every section with the schema of its owner.

The one module of a service that knows other services, and of them only ``config``, which imports the kernel alone.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from services.admin.config import AdminSettings
from services.imapd.config import ImapdSettings
from services.kernel.directory.config import DirectorySettings
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.routing import Router, RoutingSettings
from services.kernel.runtime.config import ConfigError, Document, Section, Site, read
from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import TableTrouble
from services.mda.config import MdaSettings
from services.pop3d.config import Pop3dSettings
from services.qmgr.config import QmgrSettings
from services.relay.config import RelaySettings
from services.smtpd.config import SmtpdSettings

SECTIONS: dict[str, type[Section]] = {
    "site": Site,
    "directory": DirectorySettings,
    "routing": RoutingSettings,
    "mailbox": MailboxSettings,
    "smtpd": SmtpdSettings,
    "qmgr": QmgrSettings,
    "relay": RelaySettings,
    "mda": MdaSettings,
    "imapd": ImapdSettings,
    "pop3d": Pop3dSettings,
    "admin": AdminSettings,
}
"""In the order of the reference."""


def check(path: Path) -> list[str]:
    """All faults of a configuration and its tables, each with its place; empty when it can be used."""
    try:
        document = read(path)
    except ConfigError as error:
        return str(error).splitlines()
    faults = _section_faults(document)
    return faults or _routing_faults(document, path.parent / "tables")


def effective(document: Document, *, with_defaults: bool) -> dict[str, Any]:
    """The checked configuration as plain values, with what was not set or without. Raises ``ConfigError``."""
    shown = {}
    for name, model in SECTIONS.items():
        values = document.section(model, name).model_dump(mode="json", exclude_unset=not with_defaults)
        if values:
            shown[name] = values
    return shown


def reference() -> str:
    """The reference page: every section and setting with its default and what its owner says of it, in Markdown."""
    lines = ["# Settings", "", "Made by `malle config reference` from the schemas; `malle config check` tells what is wrong with a file.", ""]
    for name, model in SECTIONS.items():
        lines += _reference(name, model)
    return "\n".join(lines).rstrip() + "\n"


def _section_faults(document: Document) -> list[str]:
    checks: list[Callable[[], object]] = [partial(document.refuse_unknown, list(SECTIONS))]
    checks += [partial(document.section, model, name) for name, model in SECTIONS.items()]
    faults = []
    for run in checks:
        try:
            run()
        except ConfigError as error:
            faults += str(error).splitlines()
    return faults


class _Nobody:
    """A directory without content, enough to build a router that is never asked."""

    async def version(self) -> int:
        return 0

    async def domain(self, name: str) -> None:
        return None

    async def account(self, address: str) -> None:
        return None

    async def alias(self, source: str) -> None:
        return None


def _routing_faults(document: Document, folder: Path) -> list[str]:
    faults: list[str] = []
    tables = Tables(faults.append, folder)
    settings = document.section(RoutingSettings, "routing")
    try:
        Router(settings, document.section(Site, "site"), _Nobody(), tables)
    except ConfigError as error:
        return [f"{document.place(('routing',))}: {line}" for line in str(error).splitlines()]
    for name in tables.names:
        try:
            asyncio.run(tables.open(name).lookup(""))
        except TableTrouble as trouble:
            if str(trouble) not in faults:
                faults.append(str(trouble))
    return faults


def _reference(path: str, model: type[BaseModel]) -> list[str]:
    lines = [f"## {path}", "", *_paragraph(model.__doc__ or ""), ""]
    own, inner = list[str](), list[str]()
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, Section):
            inner += _reference(f"{path}.{name}", type(default))
            continue
        shown = "required" if field.is_required() else f"default `{_plain(default)}`"
        own += [f"- **`{name}`** ({shown}): {' '.join(_paragraph(field.description or ''))}"]
    return [*lines, *own, *([""] if own else []), *inner]


def _paragraph(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(str(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {item}" for key, item in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else '""' if value == "" else str(value)
