"""Names of folders as clients say and hear them: the user's own, and those of others, each with its separator (RFC 2342)."""

from contextlib import suppress

from services.kernel.mailbox import names, others
from services.kernel.mailbox.trouble import BadFolderName


def separator(name: str) -> str:
    """What parts the levels of a name."""
    return others.SEPARATOR if others.is_other(name) else names.SEPARATOR


def parents(name: str) -> list[str]:
    """The levels above a name."""
    return others.parents(name) if others.is_other(name) else names.parents(name)


def normalize(name: str) -> str:
    """The one form of a name; one that can be nobody's stays as it is."""
    if not others.is_other(name):
        return names.normalize(name)
    with suppress(BadFolderName):
        return others.normalize(name)
    return name


def is_below(name: str, above: str) -> bool:
    """Tell whether one folder is below another, or below a level that is none."""
    mark = separator(name)
    return name.startswith(above.removesuffix(mark) + mark)
