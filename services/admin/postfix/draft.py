"""What an import makes: settings, tables and files to bring along, entries of the directory, findings."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from services.admin.configuration import SECTIONS
from services.admin.postfix.findings import Finding, Verdict

Keys = tuple[str, ...]


@dataclass
class Draft:
    """Grows while a configuration is translated. A setting is named by its path, one key a part."""

    values: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    """Path under the target folder -> where it is copied from."""
    findings: list[Finding] = field(default_factory=list)
    domains: dict[str, None] = field(default_factory=dict)
    """Hosted domains, for the directory."""
    accounts: dict[str, None] = field(default_factory=dict)
    """Addresses of mailboxes, for the directory."""
    notes: list[str] = field(default_factory=list)
    """What the operator does by hand."""
    _sources: dict[str, list[int]] = field(default_factory=dict)
    """Setting -> the findings that say it was translated into."""

    def put(self, path: Keys, value: Any) -> None:
        """Write a setting; the last one counts. A path that no schema has is a ``KeyError``."""
        if not has_setting(path):
            raise KeyError(shown(path))
        node = self.values
        for folder in path[:-1]:
            node = node.setdefault(folder, {})
        node[path[-1]] = value

    def get(self, path: Keys) -> Any:
        """What was written so far, or ``None``."""
        node: Any = self.values
        for key in path:
            node = node.get(key) if isinstance(node, dict) else None
        return node

    def find(self, finding: Finding) -> None:
        """Add a finding."""
        if finding.verdict is Verdict.TRANSLATED:
            for path in finding.text.split(", "):
                self._sources.setdefault(path, []).append(len(self.findings))
        self.findings.append(finding)

    def withdraw_refused(self) -> None:
        """Take out what the schemas refuse, and say so in its findings."""
        for section, model in SECTIONS.items():
            for path, why in _faults(section, model, self.values.get(section, {})):
                self._remove(path)
                self._mark(path, why)

    def _remove(self, path: Keys) -> None:
        """Sections that become empty go as well."""
        parent = self.get(path[:-1]) if path[1:] else self.values
        if isinstance(parent, dict):
            parent.pop(path[-1], None)
            if not parent and path[1:]:
                self._remove(path[:-1])

    def _mark(self, path: Keys, why: str) -> None:
        name = shown(path)
        for number in self._sources.get(name, []):
            old = self.findings[number]
            if old.verdict is not Verdict.TRANSLATED:  # another of its settings was refused before
                continue
            self.findings[number] = Finding(old.file, old.line, old.name, Verdict.UNSUPPORTED, f"{name} cannot be this: {why}")


def keys(path: str) -> Keys:
    """``relay.tls.level`` as a path; for parts without a dot in them."""
    return tuple(path.split("."))


def shown(path: Keys) -> str:
    """A path as ``malle config check`` writes it."""
    return ".".join(path)


def has_setting(path: Keys) -> bool:
    """Whether our configuration has a setting of this path."""
    section, *rest = path
    model: Any = SECTIONS.get(section)
    parts = iter(rest)
    for key in parts:
        if not (isinstance(model, type) and issubclass(model, BaseModel)) or key not in model.model_fields:
            return False
        model = _inner(model.model_fields[key].annotation)
        if isinstance(model, _Named):
            next(parts, None)
            model = model.section
    return model is not None


@dataclass(frozen=True)
class _Named:
    section: type[BaseModel]


def _inner(annotation: Any) -> Any:
    """The section that a field holds, by names or not; anything else as it is."""
    sections = [kind for kind in get_args(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
    if sections:
        is_mapping = getattr(annotation, "__origin__", None) is dict
        return _Named(sections[0]) if is_mapping else sections[0]
    return annotation


def _faults(section: str, model: type[BaseModel], value: Any) -> Iterator[tuple[Keys, str]]:
    """Path of each refused setting: the deepest one that is a key of ours, not a place in a list."""
    try:
        model.model_validate(value)
    except ValidationError as error:
        for fault in error.errors():
            path = [section]
            for key in fault["loc"]:
                if not isinstance(key, str) or not has_setting((*path, key)):
                    break
                path.append(key)
            yield tuple(path), fault["msg"]
