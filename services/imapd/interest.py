"""What a client that has said NOTIFY wants to hear, and what happened to its folders between two surveys (RFC 5465). Without I/O."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.imapd.grammar.wishes import OF_MESSAGES, Group, Notify, Occasion, Which
from services.imapd.namespace import is_below, normalize
from services.kernel.mailbox import names, others
from services.kernel.mailbox.records import Figures

Annotations = Mapping[str, bytes]


def without_figures(figures: Figures) -> Figures:
    """What stands for the figures of a folder of which the user may know the name alone."""
    return Figures(figures.uidvalidity, 0, 0, 0, 0)


def has_figures(figures: Figures) -> bool:
    """Tell whether they are a folder's: the next UID is 1 at least (RFC 9051 section 2.3.1.1)."""
    return figures.uidnext > 0


@dataclass(frozen=True, slots=True)
class Survey:
    """All folders of a user, and of others as he knows them, at one moment, the names subscribed to, and what is attached to folders, and under no
    name to the whole."""

    folders: Mapping[str, Figures]
    subscribed: frozenset[str]
    annotations: Mapping[str, Annotations] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moved:
    """A folder was made, or has another name (``old``) than before."""

    name: str
    old: str = ""


@dataclass(frozen=True, slots=True)
class Removed:
    """A folder is gone."""

    name: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription came or went."""

    name: str
    is_subscribed: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """Messages came, went or changed in a folder."""

    name: str
    figures: Figures
    occasion: Occasion


@dataclass(frozen=True, slots=True)
class Annotated:
    """Entries of a folder, or of the whole mailbox without a name, have other values (RFC 5464)."""

    name: str
    entries: Sequence[str]


News = Moved | Removed | Subscribed | Changed | Annotated


class Interest:
    """The groups of a NOTIFY in force."""

    def __init__(self, notify: Notify) -> None:
        self._groups = tuple(replace(group, names=tuple(map(normalize, group.names))) for group in notify.groups)
        self.of_selected = next((group for group in notify.groups if group.which.is_selected), Group(Which.SELECTED, (), frozenset()))
        """What is told of the selected folder: without a group, nothing (RFC 5465 section 3.1)."""

    @property
    def is_delayed(self) -> bool:
        """Whether expunges in the selected folder wait for a command that may tell them."""
        return self.of_selected.which is Which.SELECTED_DELAYED

    @property
    def is_wide(self) -> bool:
        """Whether folders other than the selected one matter."""
        return any(not group.which.is_selected for group in self._groups)

    def reaches_others(self, subscribed: frozenset[str]) -> bool:
        """Tell whether folders of other users may matter."""
        said = {name for group in self._groups for name in group.names}
        if any(group.which is Which.SUBSCRIBED for group in self._groups):
            said |= subscribed
        return any(others.is_other(name) or name == others.TOP for name in said)

    def concerns(self, name: str, subscribed: frozenset[str]) -> bool:
        """Tell whether anything at all may be told of a folder that is not selected."""
        survey = Survey({}, subscribed)
        return any(group.occasions and not group.which.is_selected and _holds(group, name, survey) for group in self._groups)

    @property
    def has_annotations(self) -> bool:
        """Whether what is attached to folders matters."""
        return any(group.occasions & {Occasion.MAILBOX_METADATA_CHANGE, Occasion.SERVER_METADATA_CHANGE} for group in self._groups)

    def wants(self, occasion: Occasion, name: str, survey: Survey) -> bool:
        """Tell whether this, in a folder that is not selected or about any folder's name, is to be told. The first group that fits decides."""
        for group in self._groups:
            if group.which.is_selected or (name and not _holds(group, name, survey)):
                continue
            if not name and not group.occasions:  # NONE for some folders says nothing of the whole
                continue
            if not group.occasions:
                return False
            if occasion in group.occasions:
                return True
        return False

    def news(self, before: Survey, after: Survey, selected: str | None) -> Iterator[News]:
        """Return what is to be told of the way from one survey to another."""
        for item in differences(before, after):
            occasion = _occasion(item)
            of_selected = occasion in OF_MESSAGES and item.name == selected
            if not of_selected and (self.wants(occasion, item.name, after) or self.wants(occasion, item.name, before)):
                yield item


def _occasion(item: News) -> Occasion:
    match item:
        case Changed(occasion=occasion):
            return occasion
        case Subscribed():
            return Occasion.SUBSCRIPTION_CHANGE
        case Annotated(name):
            return Occasion.MAILBOX_METADATA_CHANGE if name else Occasion.SERVER_METADATA_CHANGE
        case _:
            return Occasion.MAILBOX_NAME


def _holds(group: Group, name: str, survey: Survey) -> bool:
    match group.which:
        case Which.PERSONAL:
            return not others.is_other(name)
        case Which.INBOXES:
            return name == names.INBOX
        case Which.SUBSCRIBED:
            return name in survey.subscribed
        case Which.SUBTREE:
            return any(name == one or is_below(name, one) for one in group.names)
        case _:
            return name in group.names


def _identity(name: str, figures: Figures) -> tuple[str, int]:
    """Stays when a folder is renamed: no two folders of one owner have the same UIDVALIDITY."""
    return others.split(name)[0] if others.is_other(name) else "", figures.uidvalidity


def differences(before: Survey, after: Survey) -> Iterator[News]:
    """Return what happened between two surveys. A folder that keeps its UIDVALIDITY under another name was renamed."""
    gone = {_identity(name, figures): name for name, figures in before.folders.items() if name not in after.folders}
    for name, figures in after.folders.items():
        known = before.folders.get(name)
        if known is None:
            yield Moved(name, gone.pop(_identity(name, figures), ""))
        elif not has_figures(figures):
            continue
        elif (known.messages, known.uidnext) != (figures.messages, figures.uidnext):
            yield Changed(name, figures, Occasion.MESSAGE_NEW if known.uidnext != figures.uidnext else Occasion.MESSAGE_EXPUNGE)
        elif known.highestmodseq != figures.highestmodseq:
            yield Changed(name, figures, Occasion.FLAG_CHANGE)
    for name in gone.values():
        yield Removed(name)
    for name in before.annotations.keys() & after.annotations.keys():
        pairs = before.annotations[name].items() ^ after.annotations[name].items()
        if pairs:
            yield Annotated(name, sorted({entry for entry, _ in pairs}))
    for name in sorted(before.subscribed ^ after.subscribed):
        yield Subscribed(name, name in after.subscribed)
