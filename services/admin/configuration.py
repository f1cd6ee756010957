"""The whole configuration: every section with the schema of its owner.

The one module of a service that knows other services, and of them only ``config``, which imports the kernel alone.
"""

import ast
import asyncio
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from services.admin.config import AdminSettings
from services.backupmx.config import BackupmxSettings
from services.imapd.config import ImapdSettings
from services.kernel.directory.config import DirectorySettings
from services.kernel.mailbox.config import MailboxSettings, SieveSettings
from services.kernel.routing import Router, RoutingSettings
from services.kernel.routing.commands import command_faults
from services.kernel.runtime.config import ConfigError, Document, Section, Site, read
from services.kernel.sasl.config import SaslSettings
from services.kernel.tables.collection import TYPES, Tables, alias_table
from services.kernel.tables.lookup import LookupTrouble
from services.managesieve.config import ManagesieveSettings
from services.mda.config import MdaSettings
from services.pipe.config import PipeSettings
from services.pop3d.config import Pop3dSettings
from services.qmgr.config import QmgrSettings
from services.relay.config import RelaySettings
from services.smtpd.config import SmtpdSettings
from services.verify.config import VerifySettings

SECTIONS: dict[str, type[Section]] = {
    "site": Site,
    "directory": DirectorySettings,
    "routing": RoutingSettings,
    "mailbox": MailboxSettings,
    "sasl": SaslSettings,
    "sieve": SieveSettings,
    "smtpd": SmtpdSettings,
    "qmgr": QmgrSettings,
    "relay": RelaySettings,
    "verify": VerifySettings,
    "backupmx": BackupmxSettings,
    "pipe": PipeSettings,
    "mda": MdaSettings,
    "imapd": ImapdSettings,
    "pop3d": Pop3dSettings,
    "managesieve": ManagesieveSettings,
    "admin": AdminSettings,
}
"""In the order of the reference."""
SECRET_MAPS = "password_maps"
MASK = "*****"
_CONTENT = re.compile(r"\b(?:inline|static):", re.IGNORECASE)
"""Types whose tables are written into their name, on their own or within another table's."""
_URL_PASSWORD = re.compile(r"(://[^/@:\s]*:)[^/@\s]+@")


def check(path: Path) -> list[str]:
    """All faults of a configuration and its tables, each with its place; empty when it can be used."""
    try:
        document = read(path)
    except ConfigError as error:
        return str(error).splitlines()
    faults = _section_faults(document)
    return faults or _routing_faults(document, path.parent / "tables")


def effective(document: Document, *, with_defaults: bool) -> dict[str, Any]:
    """The checked configuration as plain values, with what was not set or without; passwords are masked. Raises ``ConfigError``."""
    shown = {}
    for name, model in SECTIONS.items():
        values = document.section(model, name).model_dump(mode="json", exclude_unset=not with_defaults)
        if values:
            shown[name] = masked(values)
    return shown


def masked(value: Any, name: str = "") -> Any:
    """The value of a setting to be shown. Tables of passwords whose content stands in their name show their type, URLs no password."""
    if isinstance(value, dict):
        return {key: masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, name) for item in value]
    if not isinstance(value, str):
        return value
    content = _CONTENT.search(value) if name.endswith(SECRET_MAPS) else None
    return value[: content.end()] + MASK if content else _URL_PASSWORD.sub(rf"\g<1>{MASK}@", value)


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
        router = Router(settings, document.section(Site, "site"), _Nobody(), tables)
    except ConfigError as error:
        return [f"{document.place(('routing',))}: {line}" for line in str(error).splitlines()]
    faults += _command_faults(document, settings)
    faults += _list_faults(document, tables)
    for name in dict.fromkeys([*tables.names, *named_tables(document)]):
        try:
            asyncio.run(tables.open(name).lookup(""))
        except (ConfigError, LookupTrouble) as trouble:
            if not any(str(trouble) in fault for fault in faults):
                faults.append(str(trouble))
    return faults or asyncio.run(router.faults())


def _command_faults(document: Document, settings: RoutingSettings) -> Iterator[str]:
    for name, transport in settings.transports.items():
        for fault in command_faults(transport):
            yield f"{document.place(('routing', 'transports', name))}: {fault}"


def _list_faults(document: Document, tables: Tables) -> list[str]:
    """Opens the tables among the domains that smtpd verifies."""
    smtpd, faults = document.section(SmtpdSettings, "smtpd"), list[str]()
    for role, settings in (("mx", smtpd.mx), ("submission", smtpd.submission)):
        for key in ("reject_unverified_recipient", "reject_unverified_sender"):
            for name in filter(lambda name: ":" in name, getattr(settings, key)):
                try:
                    tables.open(name)
                except ConfigError as error:
                    faults.append(f"{document.place(('smtpd', role, key))}: {error}")
    return faults


def named_tables(document: Document) -> list[str]:
    """The lookup tables that a configuration names, in the order of its sections. Raises ``ConfigError``."""
    names = [name for section, model in SECTIONS.items() for name in _texts(document.section(model, section).model_dump(exclude={"alias_maps"}))]
    names += map(alias_table, document.section(RoutingSettings, "routing").alias_maps)
    parts = {name: name.partition(":") for name in names}
    return [name for name, (kind, _, rest) in parts.items() if kind in (*TYPES, "proxy") and not rest.startswith("//")]  # that is a URL


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for item in value.values() for text in _texts(item))
    elif isinstance(value, list | tuple):
        yield from (text for item in value for text in _texts(item))


def _reference(path: str, model: type[BaseModel]) -> list[str]:
    lines = [f"## {path}", "", *_paragraph(model.__doc__ or ""), ""]
    own, inner, said = list[str](), list[str](), _docstrings(model)
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, Section):
            inner += _reference(f"{path}.{name}", type(default))
            continue
        for named in get_args(field.annotation):  # a mapping of sections by names that the operator gives
            if isinstance(named, type) and issubclass(named, Section):
                inner += _reference(f"{path}.{name}.NAME", named)
        shown = "required" if field.is_required() else f"default `{_plain(default)}`"
        own += [f"- **`{name}`** ({shown}): {' '.join(_paragraph(said.get(name, '')))}"]
    return [*lines, *own, *([""] if own else []), *inner]


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """What stands below each attribute. Read here alone: a schema that knew it would cost every service's start a tenth of a second."""
    if model is BaseModel:
        return {}
    (described,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(described, ast.ClassDef)
    own = {}
    for attribute, text in pairwise(described.body):
        if isinstance(attribute, ast.AnnAssign) and isinstance(attribute.target, ast.Name) and isinstance(text, ast.Expr):
            own[attribute.target.id] = ast.literal_eval(text.value)
    return _docstrings(model.__bases__[0]) | own


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
