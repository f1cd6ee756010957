"""``notify`` and its tests (RFC 5435), by ``mailto:`` (RFC 5436, RFC 6068)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from services.kernel.sieve import addresses
from services.kernel.sieve.actions import Notify
from services.kernel.sieve.answering import FCC_OPTIONS
from services.kernel.sieve.filing import store_at
from services.kernel.sieve.flaws import RunFault
from services.kernel.sieve.machine import Machine
from services.kernel.sieve.matching import OPTIONS, read_match
from services.kernel.sieve.message import decoded
from services.kernel.sieve.templates import Template
from services.kernel.sieve.words import Bound, Option, Positional, Want, Word

_TO = re.compile(r"[A-Za-z0-9\-._~!$'()*+,:@%/]*")
_PIECE = re.compile(r"[A-Za-z0-9\-._~!$'()*+,:@%/?;]*")
_OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-_]*=[^\x00-\x1f\x7f]*")
"""RFC 5435 section 3.6."""
_FIELD = re.compile(r"[!-9;-~]{1,76}")
_RECIPIENT_FIELDS = ("to", "cc", "bcc")
_NOT_FROM_URI = frozenset(
    {"from", "sender", "reply-to", "date", "message-id", "in-reply-to", "references", "received", "return-path", "auto-submitted"}
    | {"mime-version", "importance", "priority", "x-priority", "list-id", "precedence", "delivered-to", "x-sieve-redirected-from"}
)
_NOT_FROM_URI_EITHER = ("resent-", "content-")
"""Fields that a URI does not set, and how the names of others begin (RFC 5436 section 2.3, RFC 6068 section 4): left out silently."""
MOST_RECIPIENTS = 8
"""Pigeonhole's ``NTFY_MAILTO_MAX_RECIPIENTS``."""
_MOST_FIELDS = 16
_MOST_TEXT = 10_000
"""Characters of a notification."""


class BadUri(ValueError):
    """A URI that is none, or of a method that is not known."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a ``mailto:`` URI says."""

    recipients: tuple[str, ...]
    copies: tuple[str, ...]
    hidden: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]
    body: str


def parse_mailto(uri: str) -> Target:
    """Read a URI. Raises ``BadUri``."""
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme.lower() != "mailto":
        raise BadUri(f"notification method '{(scheme if colon else uri)[:40]}' is not supported")
    to, _, query = rest.partition("?")
    if not _TO.fullmatch(to):
        raise BadUri("invalid character in the recipients of the mailto URI")
    found: dict[str, list[str]] = {"to": list(_addresses(_decoded(to))), "cc": [], "bcc": []}
    fields: list[tuple[str, str]] = []
    body = ""
    for name, value in _fields(query):
        if name.lower() in _RECIPIENT_FIELDS:
            found[name.lower()] += _addresses(value)
        elif name.lower() == "body":
            body = value[:_MOST_TEXT]
        elif _may_set(name.lower()) and len(fields) < _MOST_FIELDS:
            fields.append((name, " ".join(value.split())[:1000]))
    return _target(found, fields, body)


def _may_set(name: str) -> bool:
    return name not in _NOT_FROM_URI and not name.startswith(_NOT_FROM_URI_EITHER)


def _target(found: dict[str, list[str]], fields: list[tuple[str, str]], body: str) -> Target:
    kinds: dict[str, str] = {}
    for kind in _RECIPIENT_FIELDS:
        for address in found[kind]:
            kinds.setdefault(address, kind)
    if not kinds:
        raise BadUri("the mailto URI names no recipient")
    if len(kinds) > MOST_RECIPIENTS:
        raise BadUri(f"the mailto URI names more than {MOST_RECIPIENTS} recipients")
    recipients, copies, hidden = (tuple(address for address in kinds if kinds[address] == kind) for kind in _RECIPIENT_FIELDS)
    return Target(recipients, copies, hidden, tuple(fields), body)


def _fields(query: str) -> Iterator[tuple[str, str]]:
    for piece in query.split("&") if query else ():
        name, _, value = piece.partition("=")
        if not _PIECE.fullmatch(name) or not _PIECE.fullmatch(value):
            raise BadUri("invalid character in a header field of the mailto URI")
        name = _decoded(name)
        if not _FIELD.fullmatch(name):
            raise BadUri(f"invalid header field name '{name[:40]}' in the mailto URI")
        yield name, _decoded(value)


def _decoded(text: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise BadUri("invalid percent code in the mailto URI")
    return unquote_to_bytes(text).decode("utf-8", "replace")


def _addresses(text: str) -> Iterator[str]:
    for piece in text.split(",") if text.strip() else ():
        address = addresses.to_send(piece)
        if address is None:
            raise BadUri(f"invalid recipient '{piece[:80]}' in the mailto URI")
        yield address


def _build_notify(bound: Bound) -> Callable[[Machine], None]:
    method, importance = bound.arguments[0].text, _read_importance(bound)
    store = store_at(bound, "fcc")
    sender, options, message = bound.text("from"), _read_options(bound), bound.text("message")
    if method.constant is not None:
        try:
            parse_mailto(method.constant)
        except BadUri as bad:
            raise bound.fail(str(bad), bound.arguments[0].place) from None
    if sender is not None and sender.constant is not None and addresses.to_send(sender.constant) is None:
        raise bound.fail(f"'{sender.source[:80]}' is not an address that a notification can come from", bound.options["from"].place)

    def run(machine: Machine) -> None:
        if _is_automatic(machine):
            machine.tell("notify: nobody is notified, the message was sent by a machine (auto-submitted)")
            return
        target, uri = _target_at(machine, method)
        machine.outcome.add(
            Notify(
                recipients=target.recipients,
                copies=target.copies,
                hidden=target.hidden,
                fields=target.fields,
                body=target.body,
                message=message.expand(machine)[:_MOST_TEXT] if message else "",
                importance=importance(machine),
                sender=_sender_at(machine, sender),
                options=tuple(option.expand(machine) for option in options),
                method=uri,
                fcc=store(machine),
            ),
            cancels=False,
        )

    return run


def _is_automatic(machine: Machine) -> bool:
    """Notifications about automatic messages could go in circles (RFC 5436 section 2.7.1)."""
    return any(decoded(field).partition(";")[0].strip().lower() != "no" for field in machine.message.section.named("auto-submitted"))


def _target_at(machine: Machine, method: Template) -> tuple[Target, str]:
    uri = method.expand(machine)
    machine.spend_text(uri)
    try:
        return parse_mailto(uri), uri
    except BadUri as bad:
        raise RunFault(str(bad)) from None


def _sender_at(machine: Machine, sender: Template | None) -> str:
    text = sender.expand(machine) if sender else ""
    if sender is not None and addresses.to_send(text) is None:
        raise RunFault(f"'{text[:80]}' is not an address that a notification can come from")
    return text


def _read_importance(bound: Bound) -> Callable[[Machine], int]:
    template = bound.text("importance")
    if template is None:
        return lambda machine: 2
    if template.constant is not None and template.constant not in ("1", "2", "3"):
        raise bound.fail(':importance of the notify command is "1", "2" or "3"', bound.options["importance"].place)
    return lambda machine: {"1": 1, "3": 3}.get(template.expand(machine), 2)


def _read_options(bound: Bound) -> tuple[Template, ...]:
    options = bound.options["options"].texts if bound.has("options") else ()
    for option in options:
        if option.constant is not None and not _OPTION.fullmatch(option.constant):
            raise bound.fail(f"'{option.source[:40]}' is not an option of the form name=value", bound.options["options"].place)
    return options


def _build_valid(bound: Bound) -> Callable[[Machine], bool]:
    def holds(machine: Machine) -> bool:
        return all(_is_valid(machine, template.expand(machine)) for template in bound.arguments[0].texts)

    return holds


def _is_valid(machine: Machine, uri: str) -> bool:
    machine.spend_text(uri)
    try:
        parse_mailto(uri)
    except BadUri:
        return False
    return True


def _build_capability(bound: Bound) -> Callable[[Machine], bool]:
    match = read_match(bound, bound.arguments[2].texts)

    def holds(machine: Machine) -> bool:
        uri, name = bound.arguments[0].text.expand(machine), bound.arguments[1].text.expand(machine)
        values = ["maybe"] if name.lower() == "online" and _is_valid(machine, uri) else []
        return match.any(machine, values)

    return holds


_URI = Positional(Want.STRING, "method")

WORDS = (
    Word(
        "notify",
        _build_notify,
        capability="enotify",
        positionals=(_URI,),
        options=(
            Option("from", Want.STRING),
            Option("importance", Want.STRING),
            Option("options", Want.STRINGS),
            Option("message", Want.STRING),
            *FCC_OPTIONS,
        ),
    ),
    Word("valid_notify_method", _build_valid, is_test=True, capability="enotify", positionals=(Positional(Want.STRINGS, "methods"),)),
    Word(
        "notify_method_capability",
        _build_capability,
        is_test=True,
        capability="enotify",
        positionals=(_URI, Positional(Want.STRING, "capability"), Positional(Want.STRINGS, "key list")),
        options=OPTIONS,
    ),
)
