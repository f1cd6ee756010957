"""One message for several recipients: what goes wrong with one is nobody else's trouble."""

import asyncio
from pathlib import Path
from typing import cast

from services.kernel.directory import MailboxFormat
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.delivery import Letter
from services.kernel.mailbox.records import Appended, Quota
from services.kernel.mailbox.store import MailStore
from services.kernel.wire.events import Emitter
from services.mda.message import SORTING_TROUBLE, STORED, Mailroom, Message
from services.mda.sorting import Sorter
from services.mda.telling import Teller
from services.mda.transfer import Parcel, Target, Transfer

CONTENT = b"Subject: one\r\n\r\nbody\r\n"


class BrokenRules:
    """Rules of one user, with a defect."""

    def has_rules(self, mailbox: str) -> bool:
        return mailbox == "a@x.test"

    async def sort(self, parcel: Parcel) -> None:
        raise RuntimeError("\udc80")


class SlowDeliverer:
    """Reads the message once it is told to."""

    def __init__(self) -> None:
        self.may_read, self.has_begun = asyncio.Event(), asyncio.Event()
        self.contents: list[bytes] = []
        self.has_read = asyncio.Event()

    async def deliver(self, letter: Letter) -> Appended:
        self.has_begun.set()
        await self.may_read.wait()
        self.contents.append(letter.draft.content())
        self.has_read.set()
        return Appended(1, 1)


def message(root: Path, deliverer: SlowDeliverer) -> Message:
    store = MailStore(MailboxSettings(root=root))
    transfer = Transfer("c@x.test", "", "", [Target(name, name, name, Quota()) for name in ("a@x.test", "b@x.test")])
    teller = Teller(Emitter("x", "mda", "0", root, stdout=False))
    mailroom = Mailroom({MailboxFormat.MAILDIR: deliverer}, cast(Sorter, BrokenRules()), teller, defers_over_quota=False)
    return Message(transfer, store.draft(), mailroom)


def test_defect_with_one_recipient_is_temporary_and_the_other_has_the_whole_message(tmp_path: Path) -> None:
    async def scene() -> None:
        deliverer = SlowDeliverer()
        sink = message(tmp_path, deliverer)
        await sink.write(CONTENT)
        task = asyncio.create_task(sink.finish())
        await deliverer.has_begun.wait()
        deliverer.may_read.set()
        assert await task == [SORTING_TROUBLE, STORED]
        assert deliverer.contents == [CONTENT]

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_message_is_there_until_the_work_is_done_though_its_session_is_cancelled(tmp_path: Path) -> None:
    async def scene() -> None:
        deliverer = SlowDeliverer()
        sink = message(tmp_path, deliverer)
        await sink.write(CONTENT)
        task = asyncio.create_task(sink.finish())
        await deliverer.has_begun.wait()
        task.cancel()
        await asyncio.wait([task])
        sink.abort()
        deliverer.may_read.set()
        await deliverer.has_read.wait()
        assert deliverer.contents == [CONTENT]

    asyncio.run(asyncio.wait_for(scene(), 10))
