"""main.cf, and the defaults behind it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from services.admin.postfix.expansion import expand, references
from services.admin.postfix.lines import ImportTrouble, logical_lines

_SETTING = re.compile(r"([^\s=]+)\s*=\s*(.*)", re.DOTALL)


_LATER = re.compile(
    r".*_expansion_filter|.*_reject_footer|default_rbl_reply|forward_path|luser_relay|mailbox_command|command_execution_directory|debugger_command"
    r"|milter_.*macro.*"
)
"""Parameters whose ``$`` is expanded when they are used, by other names than parameters (Postfix ``CONFIG_RAW_TABLE``)."""


@dataclass(frozen=True, slots=True)
class Setting:
    """``name = value`` as it stands in a file; of several lines the value has line feeds."""

    name: str
    value: str
    file: str
    line: int


def parse(text: str, file: str = "main.cf") -> list[Setting]:
    """All settings in order, repeated ones too. Raises ``ImportTrouble``."""
    settings = []
    for line, logical in logical_lines(text):
        match = _SETTING.fullmatch(logical)
        if match is None:
            raise ImportTrouble(f"{file}:{line}: expected name = value, not {logical.splitlines()[0]!r}")
        settings.append(Setting(match[1], match[2].strip(), file, line))
    return settings


def defaults() -> dict[str, str]:
    """Postfix 3.10's own values, not expanded."""
    text = files("services.admin.postfix").joinpath("defaults.cf").read_text(encoding="ascii")
    return {setting.name: setting.value for setting in parse(text, "defaults.cf")}


class Parameters:
    """Values as the programs see them: what main.cf says, then Postfix's defaults."""

    def __init__(self, settings: list[Setting]) -> None:
        self.settings = settings
        self.given = {setting.name: setting for setting in settings}
        """The last setting of each name counts (postconf(5))."""
        self.defaults = defaults()
        if "myhostname" in self.given:  # its default is what the machine says, and mydomain follows it
            self.defaults["mydomain"] = self.value("myhostname").partition(".")[2] or "localdomain"

    def is_known(self, name: str) -> bool:
        """Whether Postfix has a parameter of this name."""
        return name in self.defaults

    def value(self, name: str, overrides: Mapping[str, Setting] | None = None) -> str:
        """The expanded value, on one line; ``overrides`` are those of a master.cf entry. Raises ``ImportTrouble``."""
        setting = (overrides or {}).get(name) or self.given.get(name)
        text = setting.value if setting else self.defaults.get(name, "")
        return self.expand(text, setting or Setting(name, text, "defaults.cf", 0), overrides)

    def default(self, name: str) -> str:
        """What Postfix would take if main.cf did not set ``name``."""
        return self.expand(self.defaults.get(name, ""), Setting(name, "", "defaults.cf", 0))

    def expand(self, text: str, setting: Setting, overrides: Mapping[str, Setting] | None = None) -> str:
        """Expand a text that stands at ``setting``. Raises ``ImportTrouble``."""

        if _LATER.fullmatch(setting.name):
            return " ".join(text.split())

        def raw(name: str) -> str:
            found = (overrides or {}).get(name) or self.given.get(name)
            return found.value if found else self.defaults.get(name, "")

        try:
            return " ".join(expand(text, raw).split())
        except ValueError as error:
            raise ImportTrouble(f"{setting.file}:{setting.line}: {setting.name}: {error}") from None

    def referenced(self, more: list[Setting]) -> set[str]:
        """The names that some value in main.cf, or in ``more``, refers to."""
        return {name for setting in [*self.settings, *more] for name in references(setting.value)}
