"""``vacation`` (RFC 5230, RFC 6131): what is answered, and above all what is not."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from services.kernel.mail.decoding import decode_header
from services.kernel.mail.mime.addresses import parse
from services.kernel.sieve import addresses
from services.kernel.sieve.actions import Store, Vacation
from services.kernel.sieve.filing import MAILBOX_OPTIONS, store_at
from services.kernel.sieve.flaws import RunFault
from services.kernel.sieve.machine import Machine
from services.kernel.sieve.message import decoded
from services.kernel.sieve.templates import Template
from services.kernel.sieve.words import Bound, Option, Positional, Want, Word

DAY = 86_400
_RECIPIENT_FIELDS = ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc")
"""RFC 5230 section 4.5."""
_MACHINES = re.compile(
    r"(mailer-daemon|listserv|majordomo|postmaster|root|nobody|no-?reply|do-?not-?reply|owner-.*|.*-(request|bounces?|owner|relay)|bounces?[-+].*)"
)
"""Local parts of senders that no person reads: RFC 5230 section 4.6 and RFC 2142."""
_SUPPRESSED = frozenset({"all", "oof", "autoreply"})
"""What Exchange writes for "do not answer with an absence note" ([MS-OXCMAIL] 2.2.3.2.14)."""
_OF_MACHINES = frozenset({"auto-submitted", "x-autoreply", "x-auto-reply", "x-autorespond"})
"""RFC 3834 section 5, and what answerers wrote that are older."""
_BULK = frozenset({"bulk", "list", "junk", "auto_reply"})
_MOST_NAME = 100
_MOST_REFERENCES = 40
_ID = re.compile(r"<[^<>\s]{1,500}>")


def silence(machine: Machine, own: set[str]) -> str:
    """Return why the message is not to be answered, or the empty string (RFC 5230 sections 4.5 and 4.6, RFC 3834 section 2)."""
    sender = addresses.in_envelope(machine.delivery.envelope.sender)
    if sender is None or not sender.text or not sender.domain:
        return "the message has no sender to answer"
    user = addresses.part(sender, "user", machine.delivery.recipient_delimiter)
    if own & {sender.text.lower(), f"{user}@{sender.domain}".lower()}:
        return "the sender is the user himself"
    if _MACHINES.fullmatch((sender.local or "").lower()):
        return f"the sender {sender.text} is a list or a machine"
    return _silenced_by_field(machine) or _not_addressed(machine, own)


def _silenced_by_field(machine: Machine) -> str:
    """Fields that a script took away count as well: it must not make a list or a machine look like a person."""
    message = machine.message
    for field in (*message.section.fields, *(message.original.fields if message.is_edited else ())):
        machine.spend(1 + (len(field.raw) >> 5))
        why = _silenced_by(field.name.decode("ascii", "replace"), decoded(field).lower())
        if why:
            return why
    return ""


def _silenced_by(name: str, value: str) -> str:
    word = value.partition(";")[0].strip()
    if name.startswith("list-"):
        return f"the message comes from a list ({name})"
    if name in _OF_MACHINES and word != "no":
        return f"the message was sent by a machine ({name})"
    if name == "content-type" and word == "multipart/report":
        return "the message is a report"
    if name == "precedence" and word in _BULK:
        return f"the message is bulk mail (precedence: {word})"
    if name == "x-auto-response-suppress" and _SUPPRESSED & {each.strip() for each in value.split(",")}:
        return "the sender wants no automatic answers (x-auto-response-suppress)"
    return ""


def _not_addressed(machine: Machine, own: set[str]) -> str:
    is_fine = not machine.limits.policy.vacation_wants_recipient or _addressed(machine, own)
    return "" if is_fine else "no address of the user is in To, Cc or Bcc"


def _addressed(machine: Machine, own: set[str]) -> str:
    """The user's address that the message is written to, or the empty string."""
    for address in _recipients(machine):
        if address.text.lower() in own:
            return address.text
    return ""


def _recipients(machine: Machine) -> Iterator[addresses.Address]:
    for name in _RECIPIENT_FIELDS:
        for field in machine.message.section.named(name):
            machine.spend(1 + (len(field.raw) >> 1))
            yield from addresses.in_header(field.value)


def own_addresses(machine: Machine, more: list[str]) -> set[str]:
    """The user's addresses in lower case: the recipient with and without its detail, those the site knows, those the script names."""
    envelope, delimiter = machine.delivery.envelope, machine.delivery.recipient_delimiter
    found = {*machine.delivery.addresses, *(addresses.to_send(each) or "" for each in more)}
    for path in (envelope.recipient, envelope.original if machine.limits.policy.vacation_takes_original else ""):
        recipient = addresses.in_envelope(path)
        if recipient is not None and recipient.domain:
            found |= {recipient.text, f"{addresses.part(recipient, 'user', delimiter)}@{recipient.domain}"}
    return {address.lower() for address in found if address}


@dataclass(frozen=True, slots=True)
class _Note:
    """A checked ``vacation`` command."""

    reason: Template
    subject: Template | None
    sender: Template | None
    handle: Template | None
    own: tuple[Template, ...]
    seconds: int | None
    is_mime: bool
    store: Callable[[Machine], Store | None]

    def run(self, machine: Machine) -> None:
        own = own_addresses(machine, [template.expand(machine) for template in self.own])
        reason = self.reason.expand(machine)
        sender, subject = self._sender(machine, own), self._subject(machine)
        why = silence(machine, own)
        if why:
            machine.tell(f"vacation: no answer, {why}")
        found = addresses.in_envelope(machine.delivery.envelope.sender)
        references, message_id = _references(machine)
        action = Vacation(
            reason=reason,
            subject=subject,
            recipient="" if why or found is None else found.text,
            sender=sender,
            handle=self._handle(machine),
            seconds=self._seconds(machine),
            is_mime=self.is_mime,
            message_id=message_id,
            references=references,
            addressee=_addressed(machine, own),
            to="" if why or found is None else _named(machine, found.text),
            fcc=self.store(machine),
        )
        machine.outcome.add(action, cancels=False)

    def _sender(self, machine: Machine, own: set[str]) -> str:
        if self.sender is None:
            return _addressed(machine, own)
        text = self.sender.expand(machine)
        if addresses.to_send(text) is None:
            raise RunFault(f"'{text[:80]}' is not an address that an answer can come from")
        return _one_line(decode_header(text.encode("utf-8", "replace")))

    def _subject(self, machine: Machine) -> str:
        given = _one_line(decode_header(self.subject.expand(machine).encode("utf-8", "replace"))) if self.subject else ""
        text, most = given or _usual_subject(machine), machine.limits.vacation_subject_characters
        return text if len(text) <= most else text[: most - 1] + "…"

    def _handle(self, machine: Machine) -> str:
        """RFC 5230 section 4.7: without ``:handle``, answers that differ are different.

        They are compared as the script has them: with the subject of each message in it, one would answer every message.
        """
        parts = (each.source if each else "" for each in (self.reason, self.subject, self.sender))
        words = ("handle", self.handle.expand(machine)) if self.handle else ("text", str(self.is_mime), *parts)
        return sha256("\0".join(words).encode("utf-8", "surrogateescape")).hexdigest()

    def _seconds(self, machine: Machine) -> int:
        limits = machine.limits
        wanted = limits.vacation_usual_seconds if self.seconds is None else self.seconds
        return max(limits.vacation_least_seconds, min(wanted, limits.vacation_most_seconds or wanted))


def _usual_subject(machine: Machine) -> str:
    policy = machine.limits.policy
    original = next(iter(machine.message.section.named("subject")), None)
    if original is None:
        return policy.vacation_subject
    words = re.split(r"%\$|%\{subject\}", policy.vacation_subject_template)
    return _one_line(_one_line(decoded(original)).join(words)) or policy.vacation_subject


def _named(machine: Machine, address: str) -> str:
    """The sender's address with the name that the message gives beside it, quoted, so that nothing in it is an address.

    Where the site trusts the header, its address: that of the envelope may be one that a forwarder made.
    """
    trusts_header = machine.limits.policy.vacation_trusts_header
    for name in ("sender", "resent-from", "from"):
        for field in machine.message.section.named(name)[:1]:
            found, texts = parse(field.value), [each.text for each in addresses.in_header(field.value)]
            if len(found) != 1 or len(texts) != 1:
                continue
            shown = addresses.to_send(texts[0]) if trusts_header else address if texts[0].lower() == address.lower() else None
            if shown and (found[0].name or trusts_header):
                return _quoted(found[0].name or b"", shown)
    return f"<{address}>"


def _quoted(name: bytes, address: str) -> str:
    text = _one_line(decode_header(name))[:_MOST_NAME].replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}" <{address}>' if text else f"<{address}>"


def _one_line(text: str) -> str:
    return " ".join("".join(c if c >= " " and c != "\x7f" else " " for c in text).split())


def _references(machine: Machine) -> tuple[str, str]:
    """References and In-Reply-To of an answer (RFC 5230 section 5.8, RFC 5322 section 3.6.4)."""
    section = machine.message.section
    message_ids = [found for field in section.named("message-id")[:1] for found in _ID.findall(decoded(field))[:1]]
    source = section.named("references")[:1] or section.named("in-reply-to")[:1]
    before = [found for field in source for found in _ID.findall(decoded(field))]
    kept = [*before[:1], *before[1:][-_MOST_REFERENCES:]]
    return " ".join([*kept, *message_ids]), " ".join(message_ids)


def _build_vacation(bound: Bound) -> Callable[[Machine], None]:
    period = bound.first_of("days", "seconds")
    number = bound.options[period].number if period else 0
    sender = bound.text("from")
    if sender is not None and sender.constant is not None and addresses.to_send(sender.constant) is None:
        raise bound.fail(f"'{sender.source[:80]}' is not an address that an answer can come from", bound.options["from"].place)
    note = _Note(
        reason=bound.arguments[0].text,
        subject=bound.text("subject"),
        sender=sender,
        handle=bound.text("handle"),
        own=bound.options["addresses"].texts if bound.has("addresses") else (),
        seconds=None if not period else number * DAY if period == "days" else number,
        is_mime=bound.has("mime"),
        store=store_at(bound, "fcc"),
    )
    return note.run


FCC_OPTIONS = (Option("fcc", Want.STRING, capability="fcc"), *MAILBOX_OPTIONS)

WORDS = (
    Word(
        "vacation",
        _build_vacation,
        capability="vacation",
        positionals=(Positional(Want.STRING, "reason"),),
        options=(
            Option("days", Want.NUMBER, "period"),
            Option("seconds", Want.NUMBER, "period", "vacation-seconds"),
            Option("subject", Want.STRING),
            Option("from", Want.STRING),
            Option("addresses", Want.STRINGS),
            Option("mime"),
            Option("handle", Want.STRING),
            *FCC_OPTIONS,
        ),
    ),
)
