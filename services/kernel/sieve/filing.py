"""Where a message goes: keep, fileinto, redirect, discard (RFC 5228 section 4), reject and ereject (RFC 5429)."""

import re
from collections.abc import Callable

from services.kernel.sieve import addresses
from services.kernel.sieve.actions import Discard, FileInto, Keep, Redirect, Reject, Store
from services.kernel.sieve.flags import FLAGS_OPTION, read_flags
from services.kernel.sieve.flaws import RunFault
from services.kernel.sieve.machine import Machine
from services.kernel.sieve.templates import Template
from services.kernel.sieve.words import Bound, Option, Positional, Want, Word

Run = Callable[[Machine], None]
MAILBOX_OPTIONS = (FLAGS_OPTION, Option("create", capability="mailbox"), Option("specialuse", Want.STRING, capability="special-use"))
"""How a message is put into a mailbox (RFC 5232, RFC 5490, RFC 8579)."""
_NOT_IN_FOLDER = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_INBOX = re.compile(r"\Ainbox(?![^./])", re.IGNORECASE)
"""INBOX is one mailbox in any case (RFC 3501 section 5.1), and so are those under it."""
_MOST_FOLDER = 1000
"""Octets of a mailbox name; an IMAP server refuses longer ones."""


def is_folder(name: str) -> bool:
    """The name could be a mailbox's: UTF-8 without control characters, not empty."""
    return 0 < len(name) <= _MOST_FOLDER and not _NOT_IN_FOLDER.search(name)


def folder_at(machine: Machine, template: Template) -> str:
    """The mailbox that a string names now. Raises ``RunFault``."""
    name = template.expand(machine)
    if not is_folder(name):
        shown = name[:80].encode("ascii", "backslashreplace").decode()
        raise RunFault(f"invalid folder name '{shown}'")
    return _INBOX.sub("INBOX", name, count=1)


def check_folder(bound: Bound, template: Template) -> None:
    """A constant is known to be wrong when the script is compiled."""
    if template.constant is not None and not is_folder(template.constant):
        raise bound.fail(f"invalid folder name '{template.source[:80]}' for {bound.name}", bound.arguments[0].place if bound.arguments else None)


def check_special_use(bound: Bound) -> Template | None:
    """The special-use attribute, a constant (RFC 8579 section 4)."""
    template = bound.text("specialuse")
    if template is not None and template.constant is not None and not is_attribute(template.constant):
        raise bound.fail(f"'{template.source[:40]}' is not a special-use attribute", bound.options["specialuse"].place)
    return template


def is_attribute(text: str) -> bool:
    """A special-use attribute: a backslash and an atom (RFC 6154 section 6)."""
    return len(text) > 1 and text[0] == "\\" and text.isascii() and all(c.isalnum() or c in "-_$" for c in text[1:]) and len(text) < 100


def attribute_at(machine: Machine, template: Template | None) -> str:
    """The special-use attribute now, empty without one. Raises ``RunFault``."""
    text = template.expand(machine) if template else ""
    if text and not is_attribute(text):
        raise RunFault(f"'{text[:40]}' is not a special-use attribute")
    return text


def store_at(bound: Bound, option: str) -> Callable[[Machine], Store | None]:
    """The copy that ``:fcc`` asks for (RFC 8580)."""
    folder, flags, special = bound.text(option), read_flags(bound), check_special_use(bound)
    if folder is None:
        return lambda machine: None
    check_folder(bound, folder)

    def read(machine: Machine) -> Store:
        return Store(folder_at(machine, folder), flags(machine), bound.has("create"), attribute_at(machine, special))

    return read


def _build_keep(bound: Bound) -> Run:
    flags = read_flags(bound)
    return lambda machine: machine.outcome.add(Keep(flags(machine), head=machine.message.head), cancels=True)


def _build_fileinto(bound: Bound) -> Run:
    folder, flags, special = bound.arguments[0].text, read_flags(bound), check_special_use(bound)
    check_folder(bound, folder)
    copy, create = bound.has("copy"), bound.has("create")

    def run(machine: Machine) -> None:
        name = folder_at(machine, folder)
        action = FileInto(name, flags(machine), create, copy, attribute_at(machine, special), machine.message.head)
        machine.outcome.add(action, cancels=not copy)

    return run


def _build_redirect(bound: Bound) -> Run:
    target = bound.arguments[0].text
    if target.constant is not None and addresses.to_send(target.constant) is None:
        raise bound.fail(f"'{target.source[:80]}' is not an address that mail can be sent to", bound.arguments[0].place)
    copy, notify, ret = bound.has("copy"), _dsn_words(bound, "notify"), _dsn_words(bound, "ret")

    def run(machine: Machine) -> None:
        text = target.expand(machine)
        address = addresses.to_send(text)
        if address is None:
            raise RunFault(f"'{text[:80]}' is not an address that mail can be sent to")
        machine.outcome.add(Redirect(address, copy, notify, ret, machine.message.head), cancels=not copy)

    return run


def _dsn_words(bound: Bound, option: str) -> str:
    """``:notify`` and ``:ret`` (RFC 6009 section 5), constants here."""
    template = bound.text(option)
    if template is None:
        return ""
    words = (template.constant or "").upper()
    known = {"FULL", "HDRS"} if option == "ret" else {"NEVER", "SUCCESS", "FAILURE", "DELAY"}
    given = [words] if option == "ret" else words.split(",")
    if not set(given) <= known or ("NEVER" in given and len(given) > 1):
        raise bound.fail(f"':{option}' of {bound.name} cannot be '{template.source[:40]}'", bound.options[option].place)
    return ",".join(given)


def _build_discard(bound: Bound) -> Run:
    return lambda machine: machine.outcome.add(Discard(), cancels=True)


def _build_reject(bound: Bound) -> Run:
    reason, is_ereject = bound.arguments[0].text, bound.call.name == "ereject"

    def run(machine: Machine) -> None:
        machine.outcome.add(Reject(reason.expand(machine), is_ereject), cancels=True)

    return run


_REASON = (Positional(Want.STRING, "reason"),)
_COPY = Option("copy", capability="copy")

WORDS = (
    Word("keep", _build_keep, options=(FLAGS_OPTION,)),
    Word("fileinto", _build_fileinto, capability="fileinto", positionals=(Positional(Want.STRING, "mailbox"),), options=(_COPY, *MAILBOX_OPTIONS)),
    Word(
        "redirect",
        _build_redirect,
        positionals=(Positional(Want.STRING, "address"),),
        options=(_COPY, Option("notify", Want.STRING, capability="redirect-dsn"), Option("ret", Want.STRING, capability="redirect-dsn")),
    ),
    Word("discard", _build_discard),
    Word("reject", _build_reject, capability="reject", positionals=_REASON),
    Word("ereject", _build_reject, capability="ereject", positionals=_REASON),
)
