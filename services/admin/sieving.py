"""Trying Sieve scripts out: what is wrong with one, and what it would do with a message. Nothing is stored or sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from services.admin.output import age
from services.kernel.mailbox.config import SITE_EXTENSIONS
from services.kernel.sieve import addresses
from services.kernel.sieve.actions import Action, Discard, FileInto, Keep, Notify, Redirect, Reject, Store, Vacation
from services.kernel.sieve.delivery import Delivery, Envelope, Location, Result, Stage
from services.kernel.sieve.flaws import Flaw, SieveErrors
from services.kernel.sieve.library import Library
from services.kernel.sieve.limits import DEFAULT, Limits
from services.kernel.sieve.message import read_section
from services.kernel.sieve.running import run
from services.kernel.sieve.script import Script, compile_script

SUFFIX = ".sieve"


@dataclass(frozen=True, slots=True)
class House:
    """What a site allows and has: limits, extensions of users and of its own scripts, the folder of those to include, the recipient delimiter."""

    limits: Limits = DEFAULT
    capabilities: frozenset[str] = SITE_EXTENSIONS
    own_capabilities: frozenset[str] = SITE_EXTENSIONS
    included: Path | None = None
    recipient_delimiter: str = "+"


@dataclass(frozen=True, slots=True)
class Occasion:
    """The delivery to imagine; without a sender (``None``) or a recipient, the message says who they are."""

    sender: str | None = None
    recipient: str = ""
    addresses: tuple[str, ...] = ()
    mailboxes: tuple[str, ...] = ()
    special: Mapping[str, str] | None = None
    annotations: Mapping[tuple[str, str], str] | None = None
    is_duplicate: bool = False


def flaws_of(name: str, source: bytes, house: House) -> list[tuple[str, Flaw]]:
    """The errors of a script and of those it includes, which lie beside it or are the site's, each with the name of its file."""
    folders = {Location.PERSONAL: Path(name).parent, Location.GLOBAL: house.included}

    def file(location: Location, included: str) -> Path | None:
        folder = folders[location]
        return folder / f"{included}{SUFFIX}" if folder else None

    def load(location: Location, included: str) -> bytes | None:
        path = file(location, included)
        return path.read_bytes() if path and path.is_file() else None

    try:
        script = compile_script(source, house.capabilities, house.limits)
    except SieveErrors as errors:
        return [(name, flaw) for flaw in errors.flaws]
    found = Library(load, house.capabilities, house.limits).examine(script)
    return [(str(file(*each.script)) if each.script else name, each.flaw) for each in found]


class ImaginedUser:
    """Answers what a script asks about the user's world with what the operator said of it."""

    def __init__(self, folder: Path, house: House, occasion: Occasion) -> None:
        self._folders = {Location.PERSONAL: folder, Location.GLOBAL: house.included}
        self._house = house
        self._occasion = occasion

    def mailbox_exists(self, folder: str) -> bool:
        """Part of ``Site``."""
        return folder == "INBOX" or folder in self._occasion.mailboxes

    def special_use_exists(self, attribute: str, folder: str | None) -> bool:
        """Part of ``Site``."""
        known = {word.lower(): name for word, name in (self._occasion.special or {}).items()}
        return attribute.lower() in known and folder in (None, known[attribute.lower()])

    def metadata(self, folder: str | None, entry: str) -> str | None:
        """Part of ``Site``."""
        return (self._occasion.annotations or {}).get((folder or "", entry.lower()))

    def script(self, location: Location, name: str) -> Script | None:
        """Part of ``Site``: a file beside the script, or of the site's."""
        folder = self._folders[location]
        path = folder / f"{name}{SUFFIX}" if folder else None
        if path is None or not path.is_file():
            return None
        allowed = self._house.own_capabilities if location is Location.GLOBAL else self._house.capabilities
        return compile_script(path.read_bytes(), allowed, self._house.limits)

    def was_seen(self, handle: str, identity: str) -> bool:
        """Part of ``Site``."""
        return self._occasion.is_duplicate


@dataclass(frozen=True, slots=True)
class Scripts:
    """The user's script, and those of the site around it."""

    user: Path
    before: tuple[Path, ...] = ()
    after: tuple[Path, ...] = ()

    def compiled(self, house: House) -> list[Stage]:
        """All of them in order. Raises ``SieveErrors`` and ``OSError``."""
        allowed = {self.user: house.capabilities}
        paths = (*self.before, self.user, *self.after)
        return [Stage(path.name, compile_script(path.read_bytes(), allowed.get(path, house.own_capabilities), house.limits)) for path in paths]


def try_out(scripts: Scripts, content: bytes, occasion: Occasion, house: House) -> tuple[Result, Envelope]:
    """Run scripts over a message. Raises ``SieveErrors`` and ``OSError``; what is included lies beside the user's script."""
    stages = scripts.compiled(house)
    envelope = _envelope(content, occasion)
    delivery = Delivery(
        content,
        envelope,
        datetime.now().astimezone(),
        occasion.addresses,
        {"domain": envelope.recipient.rpartition("@")[2]},
        house.recipient_delimiter,
    )
    return run(stages, delivery, ImaginedUser(scripts.user.parent, house, occasion), house.limits, traced=True), envelope


def _envelope(content: bytes, occasion: Occasion) -> Envelope:
    sender = _first(content, "return-path", "from") if occasion.sender is None else occasion.sender
    return Envelope(sender, occasion.recipient or _first(content, "delivered-to", "x-original-to", "to"))


def _first(content: bytes, *names: str) -> str:
    """The first address in the first of these fields that is there."""
    section = read_section(content)
    for name in names:
        for field in section.named(name):
            return next((each.text for each in addresses.in_header(field.value) if each.local), "")
    return ""


def describe(action: Action) -> str:
    """What would happen, in a line."""
    match action:
        case Keep():
            return f"keep in INBOX{_flags(action.flags)}" + (", as no rule says otherwise" if action.is_implicit else "")
        case FileInto():
            return _store(Store(action.folder, action.flags, action.create, action.special_use))
        case Redirect():
            return f"send on to {action.address}"
        case Reject():
            return f"refuse: {_short(action.reason)}"
        case Vacation():
            return f"answer {action.recipient}, once in {age(action.seconds)}, as {action.sender}: {action.subject} / {_short(action.reason)}"
        case Notify():
            return f"notify {', '.join(action.all_recipients)}: {_short(action.message or 'a summary')}"
        case Discard():
            return "drop the message"


def _store(store: Store) -> str:
    use = f", or the mailbox for {store.special_use}" if store.special_use else ""
    return f"store in {store.folder}{use}{_flags(store.flags)}" + (", which is made if it is missing" if store.create else "")


def _flags(flags: Sequence[str]) -> str:
    return f" with {' '.join(flags)}" if flags else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}..."
