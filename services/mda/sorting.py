"""What becomes of a message by the rules that hold for its recipient: they are run, and then carried out.

In this order, so that nothing is lost and little is done twice when a delivery is tried again: what is sent on is in the queue, then all copies
are in their folders, then it is remembered what was seen, then answers are sent. Trouble before the copies are stored is temporary for the sender;
what was sent on by then is remembered by the queue id of the message. Trouble with an answer is told, and no more.

Rules that fail, whatever the reason, keep the message in INBOX: the user finds why in his log, the operator in an event.
"""

import asyncio
import functools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from services.kernel.mail.reply import Reply
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxTrouble
from services.kernel.mailbox.turns import Turns
from services.kernel.sieve.actions import Action, FileInto, Keep, Notify, Redirect, Reject, Vacation
from services.kernel.sieve.delivery import Delivery, Envelope, Failure, Mark, Result
from services.kernel.sieve.limits import Limits
from services.kernel.sieve.running import run
from services.mda import folders, journal
from services.mda.filing import Filing
from services.mda.forwarding import Forwarding
from services.mda.memory import Memory, Past
from services.mda.notices import Notices
from services.mda.rulebook import Rulebook
from services.mda.telling import Teller
from services.mda.transfer import Parcel
from services.mda.world import World

THREADS = 2
"""Messages judged at a time: each has its whole content in memory then."""
LARGE_BYTES = 8 << 20
"""Messages larger than this have one thread of their own: decoded for a test of its text one takes some three times its size."""
REASON_CHARACTERS = 2000
"""Of a refusal's text."""
DONE = Reply(250, "2.0.0", "delivered")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Customs:
    """What is the same for all messages."""

    hostname: str
    recipient_delimiter: str
    limits: Limits
    log_bytes: int


@dataclass(frozen=True, slots=True)
class Hands:
    """Who carries decisions out, and who tells of it."""

    filing: Filing
    forwarding: Forwarding
    notices: Notices
    teller: Teller


class Sorter:
    """Sorts the mail of all who have rules. ``close`` it at the end."""

    def __init__(self, store: MailStore, rulebook: Rulebook, hands: Hands, customs: Customs) -> None:
        self._store = store
        self._rulebook = rulebook
        self._hands = hands
        self._teller = hands.teller
        self._customs = customs
        self._threads = Turns(THREADS)
        self._thread_for_large = ThreadPoolExecutor(1, "sieve-large")
        self.has_rules = rulebook.has_rules

    def close(self) -> None:
        """Give the threads back."""
        self._threads.close()
        self._thread_for_large.shutdown()

    async def _thread(self, parcel: Parcel, work: Callable[[], T], size_bytes: int = 0) -> T:
        """Do what blocks. The rules of one user, however slow, never have both threads."""
        if size_bytes > LARGE_BYTES:
            return await asyncio.get_running_loop().run_in_executor(self._thread_for_large, work)
        return await asyncio.wrap_future(self._threads.submit(parcel.target.mailbox, work))

    async def sort(self, parcel: Parcel) -> Reply:
        """Do with a message what the rules say, and return the answer for its recipient.

        Raises ``MailboxTrouble``, ``OverQuota``, ``QueueTrouble`` and ``LookupTrouble``: the delivery may be tried again.
        """
        memory = Memory(self._store.home(parcel.target.mailbox))
        result = await self._thread(parcel, functools.partial(self._judge, parcel, memory), parcel.draft.size)
        refusal = next((action for action in result.actions if isinstance(action, Reject)), None)
        if refusal is not None and len(result.actions) == 1:
            return self._refuse(parcel, refusal)
        lost = [await self._hands.forwarding.send_on(parcel, action, memory) for action in result.actions if isinstance(action, Redirect)]
        failures = [words for words in lost if words]
        copies: list[Keep | FileInto] = [action for action in result.actions if isinstance(action, Keep | FileInto)]
        if failures and refusal is None and not any(isinstance(copy, Keep) for copy in copies):
            copies.append(Keep(is_implicit=True))
        failures += await self._hands.filing.file(parcel, copies)
        await self._note(parcel, failures)
        await self._mark(parcel, memory, result.marks)
        if refusal is None and not copies and not any(isinstance(action, Redirect) for action in result.actions):
            self._teller.discarded(parcel)
        await self._notify(parcel, result.actions, memory)
        return DONE if refusal is None else self._refuse(parcel, refusal)

    def _judge(self, parcel: Parcel, memory: Memory) -> Result:
        """Run the scripts. Blocks."""
        cabinet = folders.cabinet(self._store, parcel.target)  # a new user has a home from now on
        rules = self._rulebook.rules(parcel.target.mailbox)
        world = World(parcel.target.mailbox, cabinet, self._rulebook, memory)
        try:
            result = run(rules.stages, self._delivery(parcel), world, self._customs.limits)
        except MailboxTrouble:
            raise
        except Exception as defect:  # noqa: BLE001  # a defect of the interpreter must not hold mail back: the message is kept, and it is told
            result = Result((Keep(is_implicit=True),), error=Failure("sieve", 0, repr(defect)))
        if result.error is None and rules.flaw and any(isinstance(action, Keep) for action in result.actions):
            result = replace(result, error=Failure("sieve", 0, rules.flaw))
        failures = [str(warning) for warning in result.warnings]
        if result.error is not None:
            words = result.error.message if result.error.line == 0 else str(result.error)
            failures.append(f"the message was kept in INBOX: {words}")
        self._log(parcel, failures)
        return result

    def _delivery(self, parcel: Parcel) -> Delivery:
        target, transfer = parcel.target, parcel.transfer
        original = target.original if target.original != target.recipient else ""
        return Delivery(
            parcel.prefix + parcel.draft.content(),
            Envelope(transfer.sender, target.recipient, original, target.notify, transfer.ret, transfer.envid, target.orcpt),
            datetime.now().astimezone(),
            (target.mailbox,),
            {"domain": target.mailbox.rpartition("@")[2], "host": self._customs.hostname, "name": "Malleposte", "location": "MDA", "phase": "during"},
            self._customs.recipient_delimiter,
        )

    def _refuse(self, parcel: Parcel, refusal: Reject) -> Reply:
        """RFC 5429 section 2.1: in the protocol, as the sender's server is still there to be told."""
        lines = [" ".join(line.split()) for line in refusal.reason[:REASON_CHARACTERS].splitlines()]
        text = "\n".join(line for line in lines if line).encode("utf-8", "replace").decode()
        reply = Reply(550, "5.7.1", text or "the recipient refuses the message")
        self._teller.rejected(parcel, str(reply))
        return reply

    async def _mark(self, parcel: Parcel, memory: Memory, marks: Sequence[Mark]) -> None:
        """The copies are stored: what cannot be remembered is told, and the next one of the message is none that was seen."""
        try:
            if marks:
                await self._thread(parcel, functools.partial(_remember, memory, marks))
        except MailboxTrouble as trouble:
            self._teller.trouble(parcel, "sieve", str(trouble))

    async def _note(self, parcel: Parcel, failures: Sequence[str]) -> None:
        if failures:
            await self._thread(parcel, functools.partial(self._log, parcel, failures))

    def _log(self, parcel: Parcel, failures: Sequence[str]) -> None:
        """Tell the user and the operator. Blocks."""
        home = self._store.home(parcel.target.mailbox)
        name = f"{parcel.facts.message_id or 'a message'} from <{parcel.transfer.sender}>"
        for failure in failures:
            words = failure.encode("utf-8", "replace").decode()  # a script's own words may hold octets that are no text
            journal.note(home, f"{name}: {words}", time.time(), self._customs.log_bytes)
            self._teller.trouble(parcel, "sieve", words)

    async def _notify(self, parcel: Parcel, actions: Sequence[Action], memory: Memory) -> None:
        for action in actions:
            if not isinstance(action, Vacation | Notify):
                continue
            try:
                await self._hands.notices.send(parcel, action, memory)
            except Exception as trouble:  # noqa: BLE001  # the message itself is safe: whatever became of the answer, its sender hears no more
                self._teller.trouble(parcel, "answer", f"{type(trouble).__name__}: {trouble}")


def _remember(memory: Memory, marks: Sequence[Mark]) -> None:
    now = time.time()
    for mark in marks:
        memory.remember(Past.SEEN, (mark.handle, mark.identity), now, now + mark.seconds, restarts=mark.is_last)
