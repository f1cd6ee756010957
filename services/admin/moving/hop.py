"""The operator's side of the mailbox hop."""

import secrets
from collections.abc import AsyncIterator, Iterable

from services.admin.line import Line
from services.kernel.wire.mailboxes import (
    BLOCK_BYTES,
    Acl,
    AclEntries,
    AnnotationList,
    Annotations,
    Block,
    Done,
    File,
    FolderList,
    Folders,
    MessageEntry,
    MessageList,
    Messages,
    MovedIn,
    MoveIn,
    Read,
    Response,
    ScriptList,
    Scripts,
    Stage,
)

FILES = 500
"""In one request at most."""


class Mailboxes(Line):
    """A connection to mda."""

    WHO = "mda"
    RESPONSE = Response
    SECONDS = 1800.0
    """Making the index of a very large mailbox anew takes minutes."""

    async def folders(self, address: str) -> FolderList:
        """The folders of a mailbox. Raises ``ControlError``."""
        return await self.ask(Folders(address), FolderList)

    async def annotations(self, address: str, folder: str) -> dict[str, bytes]:
        """What is attached to a folder, or with an empty name to the mailbox as a whole. Raises ``ControlError``."""
        return (await self.ask(Annotations(address, folder), AnnotationList)).values

    async def acl(self, address: str, folder: str) -> AclEntries:
        """Who may do what in a folder. Raises ``ControlError``."""
        return await self.ask(Acl(address, folder), AclEntries)

    async def scripts(self, address: str) -> ScriptList:
        """The Sieve scripts of a mailbox. Raises ``ControlError``."""
        return await self.ask(Scripts(address), ScriptList)

    async def messages(self, address: str, folder: str) -> AsyncIterator[MessageEntry]:
        """All messages of a folder, page by page, by UID. Raises ``ControlError``."""
        after = 0
        while page := (await self.ask(Messages(address, folder, after), MessageList)).messages:
            for entry in page:
                yield entry
            after = page[-1].uid

    async def content(self, address: str, folder: str, uid: int) -> bytes | None:
        """A message as served; ``None`` when it is gone. Raises ``ControlError``."""
        blocks: list[bytes] = []
        offset = 0
        while True:
            block = await self.ask(Read(address, folder, uid, offset), Block)
            if block.is_gone:
                return None
            blocks.append(block.data)
            offset += len(block.data)
            if len(block.data) < BLOCK_BYTES:
                return b"".join(blocks)


class Mover:
    """Files on their way into one mailbox."""

    def __init__(self, mailboxes: Mailboxes, address: str) -> None:
        self._mailboxes = mailboxes
        self._address = address
        self._batch = secrets.token_hex(8)
        self._waiting: list[File] = []
        self._waiting_bytes = 0

    async def add(self, files: Iterable[File]) -> None:
        """Hand files over. Raises ``ControlError``."""
        for file in files:
            if self._waiting and (self._waiting_bytes + len(file.data) > BLOCK_BYTES or len(self._waiting) >= FILES):
                await self._flush()
            self._waiting.append(file)
            self._waiting_bytes += len(file.data)

    async def _flush(self) -> None:
        await self._mailboxes.ask(Stage(self._address, self._batch, self._waiting), Done)
        self._waiting, self._waiting_bytes = [], 0

    async def finish(self) -> MovedIn:
        """Let what was added become messages. Raises ``ControlError``."""
        if self._waiting:
            await self._flush()
        return await self._mailboxes.ask(MoveIn(self._address, self._batch), MovedIn)


def in_blocks(path: str, content: bytes, mtime: int) -> Iterable[File]:
    """One file, cut to what fits into a request."""
    for start in range(0, len(content) or 1, BLOCK_BYTES):
        yield File(path, content[start : start + BLOCK_BYTES], mtime, start > 0)
