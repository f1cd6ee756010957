"""What a user has room for: QUOTA (RFC 9208), the check before more is added, and the warning after it."""

import contextlib
import time
from email.utils import make_msgid

from services.imapd.access import TO_READ
from services.imapd.grammar.requests import GetQuota, GetQuotaRoot, SetQuota
from services.imapd.grammar.responses import Reply, astring, no, ok
from services.imapd.session import Session
from services.kernel.directory import DirectoryTrouble
from services.kernel.mailbox import fullness, names, others
from services.kernel.mailbox.records import Growth, Origin, Quota, Usage
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxTrouble, OverQuota
from services.kernel.mailbox.user import UserMail
from services.kernel.wire.events import Kind

ROOT = b"user"
"""The one quota root: what all folders of a user hold together. Another user's has his address behind it, ``user/alice@example.test``."""
STORAGE_BYTES = 1024
"""The unit of STORAGE (RFC 9208 section 5.1)."""

_NO_SUCH_ROOT = no("No such quota root", b"NONEXISTENT")
_NOT_YOURS = no("Only the administrator sets quotas", b"NOPERM")


async def get(session: Session, request: GetQuota) -> Reply:
    """GETQUOTA (section 4.1.2), of one's own root; another's is told with a folder of his."""
    told = await _line(session, session.user)
    if request.root != ROOT or not told:
        return _NO_SUCH_ROOT
    session.write(told)
    return ok("Done")


async def get_root(session: Session, request: GetQuotaRoot) -> Reply:
    """GETQUOTAROOT (section 4.1.3), of a folder that need not exist if it is one's own. Who has no limits has no root."""
    if others.is_other(request.mailbox):
        owner, name = await session.at(request.mailbox, TO_READ, lambda place: (place.owner, place.told))
    else:
        owner, name = session.user, names.check(request.mailbox)
    told = await _line(session, owner)
    session.write(b"* QUOTAROOT %b%b\r\n" % (session.mailbox_form(name), b" " + _root(session, owner) if told else b""))
    session.write(told)
    return ok("Done")


def _root(session: Session, owner: UserMail) -> bytes:
    return astring(ROOT if owner.address == session.address else ROOT + b"/" + owner.address.encode())


async def set_limits(_session: Session, _request: SetQuota) -> Reply:
    """SETQUOTA (section 4.1.1) is not for users, and QUOTASET not advertised."""
    return _NOT_YOURS


async def _line(session: Session, owner: UserMail) -> bytes:
    """The QUOTA reply; nothing for a user without limits. A unit that is begun counts, so that nobody seems to have more room than he has."""
    quota = await _quota(session, owner)
    usage = await session.run(owner.usage)
    told = []
    if quota.size_bytes:
        told.append(b"STORAGE %d %d" % (-(-usage.size_bytes // STORAGE_BYTES), quota.size_bytes // STORAGE_BYTES))
    if quota.messages:
        told.append(b"MESSAGE %d %d" % (usage.messages, quota.messages))
    return b"* QUOTA %b (%b)\r\n" % (_root(session, owner), b" ".join(told)) if told else b""


async def _quota(session: Session, owner: UserMail) -> Quota:
    account = await session.house.directory.account(owner.address)
    return Quota(account.quota_bytes, account.quota_messages) if account is not None else Quota()


async def check_room(session: Session, owner: UserMail, size_bytes: int, messages: int) -> None:
    """Raise ``OverQuota`` when the owner's quota of now does not allow so much more; two sessions at the same moment may both fit."""
    quota = await _quota(session, owner)
    if quota == Quota():
        return
    usage = await session.run(owner.usage)
    if not quota.allows(Usage(usage.size_bytes + size_bytes, usage.messages + messages)):
        raise OverQuota


async def note_growth(session: Session, owner: UserMail, size_bytes: int, messages: int) -> None:
    """Warn the owner when what was added leads over a threshold. It is done: trouble here is the operator's to hear of."""
    try:
        quota = await _quota(session, owner)
        if quota.is_limited:
            after = await session.run(owner.usage)
            before = Usage(after.size_bytes - size_bytes, after.messages - messages)
            await _warn(session, owner, Growth(owner.address, quota, before, after))
    except (MailboxTrouble, DirectoryTrouble) as trouble:
        session.house.emitter.emit(Kind.TROUBLE, stage="quota", recipient=owner.address, reason=str(trouble))


async def _warn(session: Session, owner: UserMail, growth: Growth) -> None:
    house = session.house
    threshold = fullness.crossed(growth, house.quota_warnings)
    if threshold:
        content = fullness.warning(growth, threshold, make_msgid(domain=house.hostname), time.time())
        await session.run(_put, house.store, owner, fullness.FIELDS + content)
        house.emitter.emit(Kind.WARNED, recipient=growth.address, reason=f"the mailbox is {threshold} % full", bytes=growth.after.size_bytes)


def _put(store: MailStore, user: UserMail, message: bytes) -> None:
    with contextlib.closing(store.draft()) as draft:
        draft.write(message)
        user.folder(names.INBOX).append(draft, Origin())
