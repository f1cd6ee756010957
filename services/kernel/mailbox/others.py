"""Names of other users' folders as everybody writes them: ``user/alice@example.test/Archive/2026`` is ``Archive.2026`` of hers.

Their namespace has a separator of its own (RFC 2342), since addresses hold dots; no folder of a user's own has a slash in its name, so the two never
meet. Here the level above all users is ``ROOT``, as clients hear it ``TOP``, which may be somebody's own folder. Who has a slash or a wildcard of
LIST in his address shares nothing: no name would be his.
"""

from services.kernel.mail import address as addresses
from services.kernel.mailbox import names
from services.kernel.mailbox.trouble import BadFolderName

SEPARATOR = "/"
ROOT = "user/"
TOP = "user"
_UNFIT = frozenset('/%*"\\')


def is_other(name: str) -> bool:
    """Tell whether a name is one of this namespace."""
    return name.startswith(ROOT)


def join(owner: str, folder: str) -> str:
    """The name under which others know a folder."""
    return f"{ROOT}{owner}{SEPARATOR}{folder.replace(names.SEPARATOR, SEPARATOR)}"


def split(name: str) -> tuple[str, str]:
    """The owner's address, folded, and what the folder is called there. Raises ``BadFolderName`` where no folder can be."""
    owner, _, rest = name.removeprefix(ROOT).partition(SEPARATOR)
    local, domain = addresses.split(addresses.fold(owner))
    if not (local and domain) or names.SEPARATOR in rest or not has_name(owner):
        raise BadFolderName("that names no folder of another user")
    return f"{local}@{domain}", names.check(rest.replace(SEPARATOR, names.SEPARATOR))


def has_name(owner: str) -> bool:
    """Tell whether an address can be part of a name."""
    return _UNFIT.isdisjoint(owner) and owner.isprintable()


def normalize(name: str) -> str:
    """The one form of a name. Raises ``BadFolderName``."""
    return join(*split(name))


def parents(name: str) -> list[str]:
    """``user/``, ``user/alice@example.test`` and so on."""
    levels = name.removeprefix(ROOT).split(SEPARATOR)
    return [ROOT, *(ROOT + SEPARATOR.join(levels[:count]) for count in range(1, len(levels)))]
