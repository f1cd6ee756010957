"""The whole of an import: from a folder to a draft."""

from pathlib import Path

from services.admin.postfix.draft import Draft, shown
from services.admin.postfix.findings import Finding, Outcome, Verdict, unneeded
from services.admin.postfix.job import Job, Scope, Source
from services.admin.postfix.lines import ImportTrouble
from services.admin.postfix.lookups import Lookups
from services.admin.postfix.maincf import Parameters, Setting
from services.admin.postfix.maincf import parse as parse_main
from services.admin.postfix.mastercf import parse as parse_master
from services.admin.postfix.services import Services, override_settings
from services.admin.postfix.translation import translate

_IMPLIED = ("recipient_delimiter",)
"""Parameters whose default differs from ours in which mail is taken or where it goes: written even when main.cf is silent."""


def import_site(folder: Path) -> Draft:
    """Translate main.cf and master.cf (a site may have none) of a folder. Raises ``ImportTrouble``, ``OSError``."""
    settings = parse_main(_read(folder / "main.cf"))
    master = folder / "master.cf"
    source = Source(Parameters(settings), parse_master(_read(master)) if master.is_file() else [])
    draft = Draft()
    lookups = Lookups(folder, draft)
    _settings(source, draft, lookups)
    services = Services(source, draft, lookups)
    used = _names_in_use(source, draft)
    for entry in source.entries:
        services.translate(entry, used)
    draft.withdraw_refused()
    return draft


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ImportTrouble(f"{path.name}: not UTF-8") from None
    except FileNotFoundError:
        raise ImportTrouble(f"{path}: no such file") from None


def _settings(source: Source, draft: Draft, lookups: Lookups) -> None:
    parameters = source.parameters
    referenced = parameters.referenced(override_settings(source))
    for setting in parameters.settings:
        if parameters.given[setting.name] is not setting:
            outcome: Outcome = unneeded(f"line {parameters.given[setting.name].line} sets it again")
        else:
            outcome = translate(Job(setting, parameters.value(setting.name), Scope(), source, draft, lookups))
            if outcome.verdict is Verdict.UNKNOWN and setting.name in referenced:
                outcome = unneeded("other values use it, and there it stands in full")
        draft.find(Finding(setting.file, setting.line, setting.name, outcome.verdict, outcome.text))
    for name in _IMPLIED:
        if name not in parameters.given:
            implied = Setting(name, parameters.defaults[name], "main.cf", 0)
            outcome = translate(Job(implied, parameters.value(name), Scope(), source, draft, lookups))
            draft.find(Finding("main.cf", 0, f"{name} (not set)", outcome.verdict, outcome.text))
    _warn_of_secrets(draft)
    if "myhostname" not in parameters.given:
        draft.notes.append(f"set {shown(('site', 'hostname'))}: main.cf takes it from the machine")


def _warn_of_secrets(draft: Draft) -> None:
    maps = draft.get(("relay", "sasl", "password_maps")) or []
    names = [f"tables/{name.partition(':')[2]}" for name in maps if f"tables/{name.partition(':')[2]}" in draft.files]
    if names:
        draft.notes.append(
            f"{', '.join(names)}: passwords, readable to the containers; keep other users of this machine out of the folder above (chmod 700)"
        )


def _names_in_use(source: Source, draft: Draft) -> set[str]:
    """Words before a colon in settings and in the tables that come along: among them are the transports that mail may be sent to."""
    texts = [setting.value for setting in source.parameters.settings]
    texts += [setting.value for setting in override_settings(source)]
    texts += [path.read_text(encoding="utf-8", errors="replace") for path in draft.files.values()]
    return {word.rpartition("=")[2].partition(":")[0] for text in texts for word in text.split() if ":" in word or word.isidentifier()}
