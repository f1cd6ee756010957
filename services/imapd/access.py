"""What a user may open, by the name that his client says: his own folders, and those of others as far as they let him (RFC 4314).

The one place where a name becomes a folder. What a user has no right to, and need not know of, is ``NoSuchFolder`` to him, as is each folder of
somebody who shares nothing with him, or who does not exist (RFC 4314 section 6).
"""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from services.kernel.mailbox import acl, names, others
from services.kernel.mailbox.acl import Right, Rights
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import BadFolderName, BadUse, NoRight, NoSuchFolder
from services.kernel.mailbox.user import UserMail


@dataclass(frozen=True, slots=True)
class Needs:
    """The rights that something needs: all of some, and one of others."""

    all_of: Rights = acl.NONE
    one_of: Rights = acl.NONE

    def are_met(self, rights: Rights) -> bool:
        """Tell whether these rights suffice."""
        return self.all_of <= rights and (not self.one_of or bool(self.one_of & rights))


# RFC 4314 section 4, by what a command does
TO_LIST = Needs(acl.parse("l"))
TO_READ = Needs(acl.parse("r"))
TO_INSERT = Needs(acl.parse("i"))
TO_DELETE = Needs(acl.parse("x"))
TO_ADMINISTER = Needs(acl.parse("a"))
OF_PARENT = Needs(one_of=acl.parse("lk"))
"""To who has neither, a folder is not there when he makes one below it."""
TO_ASK_RIGHTS = Needs(one_of=acl.parse("lrikxa"))
TO_ANNOTATE = Needs(acl.parse("l"), one_of=acl.parse("rswip"))
"""RFC 5464 section 3.3."""
TO_ANNOTATE_FOR_ALL = Needs(acl.parse("lw"))
"""Stricter than RFC 5464, which lets each reader write what all see."""
TO_CHANGE = Needs(one_of=acl.parse("iestw"))
"""RFC 4314 section 5.2: without one of them a folder is opened for reading only."""
TO_REMOVE = Needs(acl.parse("te"))
"""What MOVE and REPLACE do to their source (RFC 6851 section 4.4)."""


class Place(NamedTuple):
    """A folder that is there, with its owner, its name in his mailbox, and the name and rights that it has for the user."""

    owner: UserMail
    name: str
    told: str
    who: str
    rights: Rights

    @property
    def is_own(self) -> bool:
        """Whether the user is its owner."""
        return not others.is_other(self.told)

    def folder(self) -> Folder:
        """Open it. Blocks. Raises ``NoSuchFolder``, ``NoRight`` when the name is that of another one by now, ``MailboxTrouble``."""
        folder = self.owner.folder(self.name)
        if not self.is_own:  # what was opened knows whether it still has the name, so what counts are the rights under it after that
            _check(Needs(self.rights), self.owner.rights(self.name, self.who))
        return folder

    def mailbox_id(self, folder: Folder) -> bytes:
        """Its MAILBOXID: two owners may have folders with the same one, a user sees no two (RFC 8474 section 4)."""
        known = folder.mailbox_id()
        if self.is_own:
            return known.encode()
        return b"S" + hashlib.sha256(f"{self.owner.address} {known}".encode()).hexdigest()[:32].encode()


class Access:
    """The folders of one user. All methods block and raise ``MailboxTrouble``."""

    def __init__(self, store: MailStore, user: UserMail) -> None:
        self._store = store
        self.user = user

    @property
    def who(self) -> str:
        """The user's address."""
        return self.user.address

    def owner(self, told: str) -> tuple[UserMail, str]:
        """Whose folder a name means, whether it is there or not, and what it is called there. Raises ``NoSuchFolder``, ``BadFolderName``."""
        if not others.is_other(told):
            return self.user, names.normalize(told)
        address, name = others.split(told)
        owner = self.known_owner(address)
        if owner is None:
            raise NoSuchFolder("nothing is shared under that name")
        return owner, name

    def known_owner(self, address: str) -> UserMail | None:
        """The mailbox of another user who shares something of it."""
        shares = address != self.who and self._store.shares.has(address, self.who)
        return self._store.known_user(address) if shares else None

    def place(self, told: str, needs: Needs) -> Place:
        """A folder for something that needs rights. Raises ``NoSuchFolder``, ``NoRight``."""
        try:
            owner, name = self.owner(told)
        except BadFolderName:
            raise NoSuchFolder("no folder has such a name") from None
        place = self._place(owner, name)
        _check(needs, place.rights)
        return place

    def _place(self, owner: UserMail, name: str) -> Place:
        return Place(owner, name, self._told(owner, name), self.who, owner.rights(name, self.who))

    def _told(self, owner: UserMail, name: str) -> str:
        return name if owner.address == self.who else others.join(owner.address, name)

    def shared(self) -> dict[str, list[str]]:
        """The folders of others that the user may know of, by owner, as they are called there."""
        shares = self._store.shares
        found = {owner: shares.visible(owner, self.who) for owner in shares.owners(self.who) if others.has_name(owner)}
        return {owner: folders for owner, folders in found.items() if folders}

    def subscribe(self, told: str) -> None:
        """What is not there cannot be subscribed to (RFC 9051 section 6.3.7 leaves it open; clients expect it of Dovecot and Cyrus)."""
        if others.is_other(told):
            told = self.place(told, TO_LIST).told
        elif not any(info.name == names.normalize(told) for info in self.user.folders()):
            raise NoSuchFolder(f"there is no folder {told}")
        self.user.subscribe(told)

    def unsubscribe(self, told: str) -> None:
        """Needs no right, and no folder."""
        self.user.unsubscribe(told)

    def create(self, told: str, uses: tuple[str, ...]) -> Place:
        """Make a folder. Raises ``NoRight``, ``NoSuchFolder`` for one of nobody who shares anything, and as ``UserMail.create`` does."""
        owner, name = self.owner(told)
        self._check_above(owner, name)
        if uses and owner is not self.user:
            raise BadUse("what a folder is for is its owner's to say")
        owner.create(name, uses)
        return self._place(owner, name)

    def _check_above(self, owner: UserMail, name: str) -> None:
        """The nearest folder above must let him make one; where there is none only the owner may. Raises ``NoRight``.

        One that he may not know of is passed over, and allows nothing: the reply is that of the next above, as if it were not there.
        """
        is_hidden = False
        for above in reversed(names.parents(names.check(name))):
            try:
                rights = owner.rights(above, self.who)
            except NoSuchFolder:
                continue
            if OF_PARENT.are_met(rights):
                if is_hidden or Right.CREATE not in rights:
                    raise NoRight("no right to make a folder there")
                return
            is_hidden = True
        if owner.address != self.who:
            raise NoRight("only the owner makes folders at the top")

    def delete(self, told: str) -> Place:
        """Delete a folder. Raises ``NoRight`` and as ``UserMail.delete`` does."""
        place = self.place(told, TO_DELETE)
        place.owner.delete(place.name)
        return place

    def rename(self, old: str, new: str) -> tuple[str, str]:
        """Rename a folder and those below it, all of which must let him; return both names in their one form.

        Raises ``NoRight``, ``BadFolderName`` for a name in another mailbox, and as ``UserMail.rename`` does.
        """
        (source, before), (target, after) = self.owner(old), self.owner(new)
        self._check_moved(source, before)
        if source.address != target.address:
            raise BadFolderName("a folder stays in its mailbox")
        self._check_above(target, after)
        source.rename(before, after)
        return self._told(source, before), self._told(source, names.check(after))

    def _check_moved(self, owner: UserMail, name: str) -> None:
        below = name + names.SEPARATOR
        moved = [info.name for info in owner.folders() if info.exists and (info.name == name or info.name.startswith(below))]
        found = [owner.rights(one, self.who) for one in (moved if name != names.INBOX else [name])]
        if not any(Right.LOOKUP in rights or TO_DELETE.are_met(rights) for rights in found):
            raise NoSuchFolder(f"there is no folder {name}")
        if not all(TO_DELETE.are_met(rights) for rights in found) or (name == names.INBOX and owner.address != self.who):
            raise NoRight("no right to rename all of them")


def _check(needs: Needs, rights: Rights) -> None:
    if needs.are_met(rights):
        return
    if Right.LOOKUP in rights:
        raise NoRight("no right to do that in this folder")
    raise NoSuchFolder("no right to know of this folder")
