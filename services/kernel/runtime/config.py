"""Configuration: one YAML file, one section a service, each checked by the schema of its owner.

A wrong value is refused with the place: ``malleposte.yaml:14 relay.tls.level: Input should be 'none', 'may' ...``. Unknown keys
are refused. Passwords are never in the file: a setting that ends in ``_file`` names the file that holds one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from services.kernel.runtime.fault import ConfigError as ConfigError  # noqa: PLC0414  part of this module's interface

PATH = Path("/etc/malleposte/malleposte.yaml")

Keys = tuple[str | int, ...]


class Section(BaseModel):
    """Base of every section: unknown keys refused, values fixed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="after")
    @classmethod
    def _check_path(cls, value: object) -> object:
        """A service works in a directory of its own (``workplace``), where a relative path would be another one."""
        if isinstance(value, Path) and not value.is_absolute():
            raise ValueError("must be an absolute path")
        return value


class Site(Section):
    """Facts of the site that all services share."""

    name: str = "main"
    """Short name of the site, in events and metrics."""
    hostname: str = "localhost.localdomain"
    """The site's own name: greeting, HELO, Received and Message-ID (Postfix `myhostname`)."""
    recipient_delimiter: str = "+"
    """Separates a user from an extension in a local part, the first of several characters that occurs; empty for none (Postfix
    `recipient_delimiter`)."""
    message_size_limit: int = Field(52_428_800, ge=1024)
    """Largest message accepted, in bytes (Postfix `message_size_limit`; 50 MiB holds a 37 MB attachment)."""
    postmaster: str = ""
    """Where mail for `postmaster` without a domain, and for `postmaster@` a domain with no such account, goes; an address of a mailbox here."""


Model = TypeVar("Model", bound=BaseModel)


class Document:
    """A configuration file that has been read but not yet checked."""

    def __init__(self, name: str, data: dict[str, Any], lines: dict[Keys, int]) -> None:
        self._name = name
        self._data = data
        self._lines = lines

    @property
    def names(self) -> Sequence[str]:
        """The names of the sections in the file."""
        return list(self._data)

    def section(self, model: type[Model], *path: str) -> Model:
        """Check the section at ``path`` and return it; a missing one has its defaults. Raises ``ConfigError``."""
        value: Any = self._data
        for key in path:
            value = (value.get(key) if isinstance(value, dict) else None) or {}
        try:
            return model.model_validate(value)
        except ValidationError as error:
            raise ConfigError("\n".join(self._describe(path, fault) for fault in error.errors())) from None

    def refuse_unknown(self, known: Sequence[str]) -> None:
        """Raise ``ConfigError`` when the file has a section that is not in ``known``."""
        faults = [f"{self.place((name,))}: no such section" for name in self._data if name not in known]
        if faults:
            raise ConfigError("\n".join(faults))

    def place(self, path: Keys) -> str:
        """``malleposte.yaml:14 relay.tls.level``; the line of the nearest parent when the key itself is missing."""
        known = path
        while known and known not in self._lines:
            known = known[:-1]
        return f"{self._name}:{self._lines.get(known, 1)} {'.'.join(str(key) for key in path)}"

    def _describe(self, path: Keys, fault: Any) -> str:
        where = self.place(path + tuple(fault["loc"]))
        given = fault.get("input")
        shown = f"{given!r}: " if isinstance(given, str | int | float | bool) else ""
        return f"{where}: {shown}{fault['msg']}"


def read(path: Path) -> Document:
    """Read a YAML file. Raises ``ConfigError`` when it is missing, is no YAML or no mapping, or when a key is in it twice."""
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: {' '.join(str(error).split())}") from None
    if data is None:
        return Document(path.name, {}, {})
    if not isinstance(data, dict):
        raise ConfigError(f"{path.name}:1: a mapping of sections is expected")
    lines: dict[Keys, int] = {}
    faults: list[str] = []
    _note_lines(root, (), lines, faults)
    if faults:
        raise ConfigError("\n".join(f"{path.name}:{fault}" for fault in faults))
    return Document(path.name, data, lines)


def _note_lines(node: Any, path: Keys, lines: dict[Keys, int], faults: list[str]) -> None:
    """The line of each key; and each key that YAML would let overwrite an earlier one (YAML 1.2 section 3.2.1.3: keys are unique)."""
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner, line = (*path, str(key.value)), key.start_mark.line + 1
            if inner in lines:
                faults.append(f"{line} {'.'.join(map(str, inner))}: is in line {lines[inner]} already; put both together there")
            lines[inner] = line
            _note_lines(value, inner, lines, faults)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _note_lines(value, (*path, number), lines, faults)
