"""One value that is to be translated, with all that a translation may ask."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.admin.postfix.draft import Draft, Keys, has_setting, keys, shown
from services.admin.postfix.findings import Outcome, translated, unsupported
from services.admin.postfix.lookups import Lookups
from services.admin.postfix.maincf import Parameters, Setting
from services.admin.postfix.mastercf import Entry

BUILTIN = {"smtp": "smtp", "relay": "smtp", "lmtp": "lmtp"}
"""Transports that are here without being named, and the program of each."""

_ONE_BY_ONE = ("bind_address", "bind_address6", "generic_maps", "tls.wrappermode")
"""What must not reach LMTP to our own mailboxes by way of ``relay``, whose settings hold for all transports."""


class Where(StrEnum):
    """What a value is for."""

    SITE = "site"
    TRANSPORT = "transport"
    ROLE = "role"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Scope:
    """``main.cf`` itself, or the master.cf entry whose ``-o`` it is: a transport's name, or ``mx`` or ``submission``; ``label`` names the entry."""

    where: Where = Where.SITE
    name: str = ""
    overrides: Mapping[str, Setting] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """The Postfix configuration."""

    parameters: Parameters
    entries: list[Entry]

    def transports(self, program: str) -> list[str]:
        """The names of the transports that run smtp or lmtp."""
        own = [entry.name for entry in self.entries if entry.command == program and entry.kind in ("unix", "inet")]
        return [*(name for name, builtin in BUILTIN.items() if builtin == program), *(name for name in own if name not in BUILTIN)]

    def entry(self, name: str) -> Entry | None:
        """The transport or service of a name."""
        return next((entry for entry in self.entries if entry.name == name and entry.kind != "inet"), None)


@dataclass(frozen=True, slots=True)
class Job:
    """``value`` is expanded."""

    setting: Setting
    value: str
    scope: Scope
    source: Source
    draft: Draft
    lookups: Lookups

    @property
    def name(self) -> str:
        """The parameter's name."""
        return self.setting.name

    @property
    def label(self) -> str:
        """The parameter as findings name it: ``relayhost``, ``slow/unix -o smtp_helo_name``."""
        return f"{self.scope.label} -o {self.name}" if self.scope.label else self.name

    def other(self, name: str) -> str:
        """The value of another parameter in the same scope."""
        return self.source.parameters.value(name, self.scope.overrides)

    def put(self, target: str, value: object) -> Outcome:
        """Write ``target`` for the scope, and say so; not supported where there is no such setting."""
        if why := self.missing(target):
            return unsupported(why)
        paths = self._paths(target)
        for path in paths:
            self.draft.put(path, value)
            if path[:2] == ("routing", "transports") and path[2] in self.source.transports("lmtp"):
                self.draft.put((*path[:3], "program"), "lmtp")
        return translated(*(shown(path) for path in paths))

    def missing(self, target: str) -> str:
        """Why ``target`` cannot be written for the scope; empty when it can."""
        if self.scope.where is not Where.SITE and not target.startswith(("outgoing.", "role.")):
            return f"{target} is one for the whole site"
        return next((f"there is no setting {shown(path)}" for path in self._paths(target) if not has_setting(path)), "")

    def _paths(self, target: str) -> list[Keys]:
        group, _, option = target.partition(".")
        if group == "outgoing":
            return [(*section, *keys(option)) for section in self._outgoing(option)]
        if group == "role":
            roles = [self.scope.name] if self.scope.where is Where.ROLE else ["mx", "submission"]
            return [("smtpd", role, *keys(option)) for role in roles]
        return [keys(target)]

    def _outgoing(self, option: str) -> list[Keys]:
        """The sections of options that a value of ``smtp_*`` or ``lmtp_*`` belongs in."""
        if self.scope.where is Where.TRANSPORT:
            return [("routing", "transports", self.scope.name)]
        program = "lmtp" if self.name.startswith("lmtp_") else "smtp"
        if program == "smtp" and option not in _ONE_BY_ONE:
            return [("relay",)]
        names = self.source.transports(program)
        return [("routing", "transports", name) for name in names if not self._overrides(name)]

    def _overrides(self, transport: str) -> bool:
        entry = self.source.entry(transport)
        return entry is not None and self.name in entry.overrides
