"""What scripts asked for, as it comes together: duplicates, conflicts, limits and the implicit keep (RFC 5228 section 2.10)."""

from collections.abc import Sequence
from dataclasses import replace

from services.kernel.sieve.actions import Action, Discard, FileInto, Keep, Notify, Redirect, Reject, Vacation
from services.kernel.sieve.delivery import Mark
from services.kernel.sieve.flaws import RunFault
from services.kernel.sieve.limits import Limits


class Outcome:
    """The actions of one script on top of those of the scripts before it, which stay whatever happens to this one."""

    def __init__(self, limits: Limits, before: tuple[Action, ...] = (), flags: tuple[str, ...] = ()) -> None:
        self._limits = limits
        self._before = before
        self.actions: list[Action] = []
        self.marks: list[Mark] = []
        self.keeps_implicitly = True
        self.flags: tuple[str, ...] = flags
        """The internal variable of imap4flags."""

    @property
    def is_kept(self) -> bool:
        """INBOX gets the message, as far as this script is concerned."""
        return self.keeps_implicitly or any(isinstance(action, Keep) for action in self.actions)

    @property
    def kept_flags(self) -> tuple[str, ...]:
        """The flags of the message that is kept: those of an explicit keep go before the internal variable."""
        return next((action.flags for action in self.actions if isinstance(action, Keep)), self.flags)

    def add(self, action: Action, *, cancels: bool) -> None:
        """Ask for an action; ``cancels`` the implicit keep. Raises ``RunFault`` for a conflict or a limit."""
        if cancels:
            self.keeps_implicitly = False
        if isinstance(action, Discard):
            if not self.actions:
                self.actions.append(action)
            return
        if isinstance(action, Notify):
            action = self._unnotified(action)
        present = [each for each in (*self._before, *self.actions) if not isinstance(each, Discard)]
        self._refuse_conflicts(action, [each for each in self.actions if not isinstance(each, Discard)])
        if any(_is_same(action, each) for each in present):
            self._repeat(action)
            return
        self._refuse_excess(action, present)
        self.actions = [each for each in self.actions if not isinstance(each, Discard)]
        self.actions.append(action)

    def _repeat(self, action: Action) -> None:
        """The same again does nothing new, but its flags are the ones that count (RFC 5232 section 4)."""
        for at, each in enumerate(self.actions):
            if _is_same(action, each) and isinstance(each, Keep | FileInto) and isinstance(action, Keep | FileInto):
                self.actions[at] = replace(each, flags=action.flags)

    def _unnotified(self, action: Notify) -> Notify:
        """Nobody is notified twice of one message (RFC 5435 section 3.8)."""
        before = {to for each in (*self._before, *self.actions) if isinstance(each, Notify) for to in each.all_recipients}

        def fresh(addresses: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(to for to in addresses if to not in before)

        return replace(action, recipients=fresh(action.recipients), copies=fresh(action.copies), hidden=fresh(action.hidden))

    @staticmethod
    def _refuse_conflicts(action: Action, present: Sequence[Action]) -> None:
        if isinstance(action, Reject):
            if any(isinstance(each, Reject) for each in present):
                raise RunFault("duplicate reject: the message is rejected already")
            other = next((each for each in present if not isinstance(each, Notify)), None)
        else:
            other = next((each for each in present if isinstance(each, Reject)), None) if not isinstance(action, Notify) else None
        if other is not None:
            raise RunFault(f"{_name(action)} conflicts with {_name(other)}: a rejected message is not stored, sent on or answered")
        if isinstance(action, Vacation) and any(isinstance(each, Vacation) for each in present):
            raise RunFault("duplicate vacation: the message is answered already")

    def _refuse_excess(self, action: Action, present: Sequence[Action]) -> None:
        if len(present) >= self._limits.actions:
            raise RunFault(f"total number of actions exceeds policy limit ({self._limits.actions})")
        if isinstance(action, Redirect) and sum(isinstance(each, Redirect) for each in present) >= self._limits.redirects:
            raise RunFault(f"number of redirect actions exceeds policy limit ({self._limits.redirects})")

    def finished(self, implicit: Keep) -> tuple[Action, ...]:
        """All actions, those before included, with the implicit keep if it is in effect."""
        actions = [*self._before, *self.actions]
        if self.keeps_implicitly and not any(_is_same(implicit, each) for each in actions):
            actions.append(implicit)
        is_rejected = any(isinstance(action, Reject) for action in actions)
        return tuple(each for each in actions if not _is_empty(each) and not (is_rejected and isinstance(each, Vacation))) or (Discard(),)

    def passed_on(self) -> tuple[Action, ...]:
        """The actions that stay while the next script decides about the keep."""
        return tuple(action for action in (*self._before, *self.actions) if not isinstance(action, Keep | Discard))


def _is_empty(action: Action) -> bool:
    """An answer or notification that nobody is to get."""
    return (isinstance(action, Vacation) and not action.recipient) or (isinstance(action, Notify) and not action.all_recipients)


def _name(action: Action) -> str:
    return type(action).__name__.lower()


def _is_inbox(folder: str) -> bool:
    return folder.upper() == "INBOX"


def _is_same(one: Action, other: Action) -> bool:
    """The two have the same effect."""
    match one, other:
        case (Keep(), Keep()):
            return True
        case (FileInto(), FileInto()):
            return one.folder == other.folder or (_is_inbox(one.folder) and _is_inbox(other.folder))
        case (Keep(), FileInto()):
            return _is_inbox(other.folder)
        case (FileInto(), Keep()):
            return _is_inbox(one.folder)
        case (Redirect(), Redirect()):
            return one.address.lower() == other.address.lower()
        case (Vacation(), Vacation()):
            return True  # within one script a conflict; of two scripts the first one answers
    return False
