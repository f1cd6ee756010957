"""Mail that moves in, file by file."""

import asyncio
import os
from pathlib import Path

from services.kernel.directory.config import DirectorySettings
from services.kernel.directory.reader import Directory
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.look import LITTER_SECONDS
from services.kernel.mailbox.scripts import ScriptLimits
from services.kernel.mailbox.store import MailStore
from services.kernel.wire import mailboxes as ask
from services.mda.desk import Desk

ALICE = "alice@example.test"


def test_tree_is_as_young_as_the_last_that_came(root: Path) -> None:
    async def scene() -> float:
        directory = Directory(DirectorySettings.model_validate({"url": f"sqlite:///{root}/directory.sqlite"}), "+")
        store = MailStore(MailboxSettings(root=root / "mail"))
        desk = Desk(store, Disk(), directory, ScriptLimits())
        tree = root / "mail" / "example.test" / "alice" / "Maildir" / "tmp" / "moving-a1"
        assert await desk.answer(ask.Stage(ALICE, "a1", [ask.File("cur/1.a:2,S", b"one", 0, False)])) == ask.Done()
        begun = tree.stat().st_mtime
        os.utime(tree, (begun, begun - LITTER_SECONDS))
        assert await desk.answer(ask.Stage(ALICE, "a1", [ask.File("cur/1.a:2,S", b"two", 0, True)])) == ask.Done()
        store.close()
        directory.close()
        return tree.stat().st_mtime - begun

    assert asyncio.run(scene()) >= 0


def test_account_that_is_no_maildir_cannot_be_asked(root: Path) -> None:
    async def scene() -> ask.Response:
        directory = Directory(DirectorySettings.model_validate({"url": f"sqlite:///{root}/directory.sqlite"}), "+")
        store = MailStore(MailboxSettings(root=root / "mail"))
        answer = await Desk(store, Disk(), directory, ScriptLimits()).answer(ask.Folders("boxed@example.test"))
        store.close()
        directory.close()
        return answer

    assert asyncio.run(scene()) == ask.Failed("boxed@example.test is stored as mbox: only a Maildir can be asked and moved")
