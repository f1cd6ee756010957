"""What an import writes: malleposte.yaml, tables and files beside it, and directory.yaml."""

from pathlib import Path

import yaml

from services.admin.postfix.draft import Draft

_MODE = 0o644
"""The containers read them as users of their own."""

Part = tuple[str, bytes]


def parts(draft: Draft, origin: Path) -> list[Part]:
    """The files of the target folder: path and content."""
    head = f"# Made by `malle import postfix` from {origin}. What is not here has its default: `malle config show --defaults`.\n\n"
    found = [("malleposte.yaml", (head + _yaml(draft.values)).encode())]
    found += [(name, source.read_bytes()) for name, source in sorted(draft.files.items())]
    if draft.domains or draft.accounts:
        found.append(("directory.yaml", _directory(draft).encode()))
    return found


def write(folder: Path, files: list[Part], *, overwrites: bool) -> None:
    """Write all or, when one is there already and ``overwrites`` is not set, none: ``FileExistsError``. Raises ``OSError``."""
    if not overwrites:
        for name, _ in files:
            if (folder / name).exists():
                raise FileExistsError(f"{folder / name} is there already; --out names another folder, --force overwrites")
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    for name, content in files:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        path.chmod(_MODE)


def _directory(draft: Draft) -> str:
    names = dict.fromkeys([*draft.domains, *(address.rpartition("@")[2] for address in draft.accounts)])
    domains = [{"name": name, "domain_class": "hosted"} for name in names]
    head = "# For `malle directory import`; the accounts have no password yet: `malle account password`.\n\n"
    return head + _yaml({"domains": domains, "accounts": [{"address": address} for address in draft.accounts]})


class _Dumper(yaml.SafeDumper):
    """Writes an equal list twice rather than by reference."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _yaml(values: object) -> str:
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=150) if values else ""
