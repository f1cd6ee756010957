"""What follows when mailboxes with a quota fill up: their owners are warned (``kernel.mailbox.fullness``), and smtpd hears how little room is left.

The mailboxes with little room are looked at every ``TICK_SECONDS``: one ``stat`` tells whether anything changed in them, by whomever. A change of the
directory has all of them looked at again.
"""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

from services.kernel.directory.account import MailboxFormat
from services.kernel.directory.reader import Directory
from services.kernel.directory.trouble import DirectoryTrouble
from services.kernel.mailbox import fullness
from services.kernel.mailbox.delivery import Letter
from services.kernel.mailbox.records import Growth, Quota, Usage
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxTrouble, OverQuota
from services.kernel.spool.intake import minter
from services.kernel.wire import room
from services.kernel.wire.events import Emitter, Kind
from services.kernel.wire.room import Room
from services.mda.filing import Deliverer

TICK_SECONDS = 2.0
"""How long smtpd may refuse mail to a mailbox that has room again; less than any sender waits before another try."""
CONFIRM_SECONDS = 10.0
"""A sixth of the time for which smtpd believes the file."""
LOOKS = 200
"""Mailboxes whose usage is asked at one tick, at most."""
MOST = 100_000
"""Mailboxes with little room that are told of."""


@dataclass(frozen=True, slots=True)
class QuotaRules:
    """``thresholds`` in percent; ``least_bytes``: with less room than this a mailbox has little, since a message may not fit."""

    hostname: str
    thresholds: tuple[int, ...]
    least_bytes: int


class Rooms:
    """The mailboxes with little room, and the file that smtpd reads. Its methods block and raise ``OSError``."""

    def __init__(self, directory: Path, least_bytes: int) -> None:
        self._directory = directory
        self._least_bytes = least_bytes
        self._rooms = room.read(directory)
        self._is_written = False
        self._confirm_at = 0.0

    def names(self) -> list[str]:
        """The mailboxes."""
        return list(self._rooms)

    def get(self, address: str) -> Room | None:
        """What is known of a mailbox: another object after each change."""
        return self._rooms.get(address)

    def set(self, address: str, left: Room) -> None:
        """Take in how full a mailbox is."""
        known = self._rooms.get(address)
        if not self._is_little(left):
            self._rooms.pop(address, None)
        elif known is not None or len(self._rooms) < MOST:
            self._rooms[address] = left
        self._is_written = self._is_written and self._rooms.get(address) == known

    def report(self, address: str, left: Room) -> None:
        """Take in what a delivery left. Reports may come in another order than their deliveries: none says that there is room again."""
        if self._is_little(left):
            self.set(address, left)

    def _is_little(self, left: Room) -> bool:
        return left.messages == 0 or 0 <= left.size_bytes < self._least_bytes

    def publish(self, now: float) -> None:
        """Write the file if it changed, and now and then say that it is still true."""
        if not self._is_written:
            self._is_written = True  # before: what is set while it is written is for the next time
            try:
                room.write(self._directory, self._rooms)
            except OSError:
                self._is_written = False
                raise
        elif now >= self._confirm_at:
            room.confirm(self._directory)
        else:
            return
        self._confirm_at = now + CONFIRM_SECONDS


class Quotas:
    """Watches the quotas of all mailboxes. ``grown`` is for the delivery to call, in the event loop."""

    def __init__(self, store: MailStore, directory: Directory, rooms: Rooms | None, rules: QuotaRules, emitter: Emitter) -> None:
        self._store = store
        self._directory = directory
        self._rooms = rooms
        self._rules = rules
        self._emitter = emitter
        self._mint_id = minter()
        self._stamps: dict[str, int] = {}
        self._version = -1
        self._warnings: set[asyncio.Task[None]] = set()
        self._is_in_trouble = False
        self.deliverer: Deliverer | None = None

    def grown(self, growth: Growth) -> None:
        """Mail has come, or did not fit."""
        if self._rooms is not None:
            self._rooms.report(growth.address, room_of(growth.quota, growth.after))
            self._stamps.pop(growth.address, None)
        if self.deliverer is not None:
            self.warn(growth, self.deliverer)

    def warn(self, growth: Growth, deliverer: Deliverer) -> None:
        """Have a mailbox that crossed a threshold warned, by who delivers to it."""
        if threshold := fullness.crossed(growth, self._rules.thresholds):
            task = asyncio.get_running_loop().create_task(self._warn(growth, threshold, deliverer))
            self._warnings.add(task)
            task.add_done_callback(self._warnings.discard)

    async def run(self) -> None:
        """Keep the file true until cancelled."""
        while self._rooms is not None:
            await self.look(self._rooms)
            await asyncio.sleep(TICK_SECONDS)

    async def look(self, rooms: Rooms) -> None:
        """One look at the mailboxes with little room. What cannot be done now is told once and done with the next look."""
        try:
            await self._refresh(rooms)
            await self._store.run(rooms.publish, time.monotonic())
            self._is_in_trouble = False
        except (OSError, MailboxTrouble, DirectoryTrouble) as trouble:
            if not self._is_in_trouble:
                self._emitter.emit(Kind.TROUBLE, stage="quota", reason=str(trouble))
            self._is_in_trouble = True

    async def _refresh(self, rooms: Rooms) -> None:
        version = await self._directory.version()
        if version != self._version:
            self._version = version
            self._stamps.clear()
        for address, stamp in (await self._store.run(self._changed, rooms.names()))[:LOOKS]:
            known = rooms.get(address)
            account = await self._directory.account(address)
            is_maildir = account is not None and account.mailbox_format is MailboxFormat.MAILDIR
            quota = Quota(account.quota_bytes, account.quota_messages) if account and is_maildir else Quota()
            usage = await self._store.run(self._usage, address) if quota.is_limited else Usage(0, 0)
            if rooms.get(address) is known:  # else a delivery came meanwhile, and the next look tells what it left
                rooms.set(address, room_of(quota, usage))
                self._stamps[address] = stamp

    def _changed(self, addresses: list[str]) -> list[tuple[str, int]]:
        """Those in which something happened since they were looked at, with when. Blocks."""
        found = []
        for address in addresses:
            try:
                stamp = os.stat(self._store.notify_path(address)).st_mtime_ns
            except FileNotFoundError:
                stamp = 0
            if self._stamps.get(address) != stamp:
                found.append((address, stamp))
        for gone in self._stamps.keys() - set(addresses):
            self._stamps.pop(gone, None)
        return found

    def _usage(self, address: str) -> Usage:
        return self._store.user(address).usage()

    async def _warn(self, growth: Growth, threshold: int, deliverer: Deliverer) -> None:
        """Put a warning into the mailbox, whatever its quota. Blocks nobody: the delivery that led to it is done."""
        draft = self._store.draft()
        try:
            draft.write(fullness.warning(growth, threshold, f"<{self._mint_id()}@{self._rules.hostname}>", time.time()))
            await deliverer.deliver(Letter(growth.address, fullness.FIELDS, draft, Quota()))
            self._emitter.emit(Kind.WARNED, recipient=growth.address, reason=f"the mailbox is {threshold} % full", bytes=growth.after.size_bytes)
        except (MailboxTrouble, OverQuota) as trouble:
            self._emitter.emit(Kind.TROUBLE, stage="quota", recipient=growth.address, reason=str(trouble))
        finally:
            draft.close()

    async def close(self) -> None:
        """Let the warnings under way arrive."""
        if self._warnings:
            await asyncio.wait(self._warnings)


def room_of(quota: Quota, usage: Usage) -> Room:
    """What is left."""
    return Room(
        max(0, quota.size_bytes - usage.size_bytes) if quota.size_bytes else -1,
        max(0, quota.messages - usage.messages) if quota.messages else -1,
    )
