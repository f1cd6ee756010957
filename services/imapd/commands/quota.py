"""Whether there is room for more, before it is added."""

from services.imapd.session import Session
from services.kernel.mailbox.records import Quota, Usage
from services.kernel.mailbox.trouble import OverQuota


async def check_room(session: Session, size_bytes: int, messages: int = 1) -> None:
    """Raise ``OverQuota`` when the user's quota of now does not allow so much more; two sessions at the same moment may both fit."""
    account = await session.house.directory.account(session.address)
    if account is None or not (account.quota_bytes or account.quota_messages):
        return
    usage = await session.house.store.run(session.user.usage)
    after = Usage(usage.size_bytes + size_bytes, usage.messages + messages)
    if not Quota(account.quota_bytes, account.quota_messages).allows(after):
        raise OverQuota
