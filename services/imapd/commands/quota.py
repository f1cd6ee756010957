"""What a user has room for: QUOTA (RFC 9208), and the check before more is added."""

from services.imapd.grammar.requests import GetQuota, GetQuotaRoot, SetQuota
from services.imapd.grammar.responses import Reply, astring, no, ok
from services.imapd.session import Session
from services.kernel.mailbox import names
from services.kernel.mailbox.records import Quota, Usage
from services.kernel.mailbox.trouble import OverQuota

ROOT = b"user"
"""The one quota root: what all folders of a user hold together."""
STORAGE_BYTES = 1024
"""The unit of STORAGE (RFC 9208 section 5.1)."""

_NO_SUCH_ROOT = no("No such quota root", b"NONEXISTENT")
_NOT_YOURS = no("Only the administrator sets quotas", b"NOPERM")


async def get(session: Session, request: GetQuota) -> Reply:
    """GETQUOTA (section 4.1.2)."""
    told = await _line(session)
    if request.root != ROOT or not told:
        return _NO_SUCH_ROOT
    session.write(told)
    return ok("Done")


async def get_root(session: Session, request: GetQuotaRoot) -> Reply:
    """GETQUOTAROOT (section 4.1.3), of a folder that need not exist. Who has no limits has no root."""
    told = await _line(session)
    name = session.mailbox_form(names.check(request.mailbox))
    session.write(b"* QUOTAROOT %b%b\r\n" % (name, b" " + astring(ROOT) if told else b""))
    session.write(told)
    return ok("Done")


async def set_limits(_session: Session, _request: SetQuota) -> Reply:
    """SETQUOTA (section 4.1.1) is not for users, and QUOTASET not advertised."""
    return _NOT_YOURS


async def _line(session: Session) -> bytes:
    """The QUOTA reply; nothing for a user without limits. A unit that is begun counts, so that nobody seems to have more room than he has."""
    quota = await _quota(session)
    usage = await session.house.store.run(session.user.usage)
    told = []
    if quota.size_bytes:
        told.append(b"STORAGE %d %d" % (-(-usage.size_bytes // STORAGE_BYTES), quota.size_bytes // STORAGE_BYTES))
    if quota.messages:
        told.append(b"MESSAGE %d %d" % (usage.messages, quota.messages))
    return b"* QUOTA %b (%b)\r\n" % (astring(ROOT), b" ".join(told)) if told else b""


async def _quota(session: Session) -> Quota:
    account = await session.house.directory.account(session.address)
    return Quota(account.quota_bytes, account.quota_messages) if account is not None else Quota()


async def check_room(session: Session, size_bytes: int, messages: int = 1) -> None:
    """Raise ``OverQuota`` when the user's quota of now does not allow so much more; two sessions at the same moment may both fit."""
    quota = await _quota(session)
    if quota == Quota():
        return
    usage = await session.house.store.run(session.user.usage)
    if not quota.allows(Usage(usage.size_bytes + size_bytes, usage.messages + messages)):
        raise OverQuota
