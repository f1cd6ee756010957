"""MAIL and RCPT as values: parsing and checking what a client wrote, before anybody decides on it."""

from collections.abc import Collection
from dataclasses import dataclass, field

from services.kernel.mail.envelope import Body
from services.kernel.mail.parameters import (
    ENVID_CHARACTERS,
    ParameterError,
    decode_orcpt,
    decode_xtext,
    parse_parameters,
)
from services.kernel.mail.path import PathError, parse_forward_path, parse_reverse_path
from services.kernel.mail.reply import Reply

_SIZE_DIGITS = 20
"""RFC 1870 section 3."""
_NOTIFY_WORDS = frozenset({"SUCCESS", "FAILURE", "DELAY"})
_BODIES = {"7BIT": Body.SEVEN_BIT, "8BITMIME": Body.EIGHT_BIT_MIME}
"""Not BINARYMIME (RFC 3030): a next hop that has no CHUNKING could not be given such a message."""


@dataclass(frozen=True, slots=True)
class Mail:
    """MAIL FROM (RFC 5321 section 4.1.1.2).

    ``sender`` is the reverse-path without brackets, ``""`` the null sender. ``size`` is the announced size in bytes, 0 when there was none
    (RFC 1870). ``ret`` and ``envid`` are RFC 3461's, ENVID decoded. ``private`` holds the parameters named in ``Rules.private_parameters``.
    """

    sender: str
    size: int = 0
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    private: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rcpt:
    """RCPT TO (RFC 5321 section 4.1.1.3); ``orcpt`` is the decoded ``type;address`` and ``notify`` the words of RFC 3461, or empty."""

    recipient: str
    orcpt: str = ""
    notify: str = ""


class Malformed(Exception):
    """The command is not one; ``reply`` says so to the client."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


def parse_mail(argument: str, private: Collection[str] = ()) -> Mail:
    """Parse what follows ``MAIL``; ``private`` names parameters beyond those known here. Raises ``Malformed``."""
    text = _after_keyword(argument, "FROM:")
    try:
        sender, rest = parse_reverse_path(text)
    except PathError as error:
        raise Malformed(Reply(501, "5.1.7", f"bad sender address syntax: {error}")) from None
    mail = _mail_with(sender, _parameters(rest), private) if rest else Mail(sender)
    if not mail.smtputf8 and not sender.isascii():
        raise Malformed(Reply(553, "5.6.7", "an address outside ASCII needs SMTPUTF8"))  # RFC 6531 section 3.5
    return mail


def parse_rcpt(argument: str, *, smtputf8: bool) -> Rcpt:
    """Parse what follows ``RCPT``. Raises ``Malformed``."""
    text = _after_keyword(argument, "TO:")
    try:
        recipient, rest = parse_forward_path(text, allows_utf8=smtputf8)
    except PathError as error:
        if error.needs_utf8:
            raise Malformed(Reply(553, "5.6.7", str(error))) from None  # RFC 6531 section 3.5
        raise Malformed(Reply(501, "5.1.3", f"bad recipient address syntax: {error}")) from None
    if not rest:
        return Rcpt(recipient)
    given = _parameters(rest)
    rcpt = Rcpt(recipient, _orcpt(given.pop("ORCPT", "")), _notify(given.pop("NOTIFY", "")))
    _refuse_unknown(given)
    return rcpt


def _after_keyword(argument: str, keyword: str) -> str:
    """Cut ``FROM:`` or ``TO:`` off. A space after the colon is wrong (RFC 5321 section 3.3) and so common that it is let through."""
    if argument[: len(keyword)].upper() != keyword:
        raise Malformed(Reply(501, "5.5.4", f"{keyword}<address> is expected"))
    return argument[len(keyword) :].strip(" ")


def _parameters(text: str) -> dict[str, str | None]:
    try:
        return parse_parameters(text)
    except ParameterError as error:
        raise Malformed(Reply(501, "5.5.4", str(error))) from None


def _refuse_unknown(given: Collection[str]) -> None:
    if given:
        raise Malformed(Reply(555, "5.5.4", "parameter not recognized"))  # RFC 5321 section 4.1.1.11


def _mail_with(sender: str, given: dict[str, str | None], private: Collection[str]) -> Mail:
    given.pop("AUTH", None)  # RFC 4954 section 5: who submitted it is believed of nobody, so the value says nothing here
    mail = Mail(
        sender,
        _size(given.pop("SIZE", "0")),
        _body(given.pop("BODY", "7BIT")),
        _smtputf8(given),
        _ret(given.pop("RET", "")),
        _envid(given.pop("ENVID", "")),
        {name: given.pop(name) or "" for name in private if name in given},
    )
    _refuse_unknown(given)
    return mail


def _size(value: str | None) -> int:
    if not value or not (value.isascii() and value.isdigit()) or len(value) > _SIZE_DIGITS:
        raise Malformed(Reply(501, "5.5.4", "SIZE is a number of bytes"))
    return int(value)


def _body(value: str | None) -> Body:
    body = _BODIES.get((value or "").upper())
    if body is None:
        raise Malformed(Reply(501, "5.5.4", "BODY is 7BIT or 8BITMIME"))
    return body


def _smtputf8(given: dict[str, str | None]) -> bool:
    if "SMTPUTF8" not in given:
        return False
    if given.pop("SMTPUTF8") is not None:
        raise Malformed(Reply(501, "5.5.4", "SMTPUTF8 has no value"))
    return True


def _ret(value: str | None) -> str:
    """RFC 3461 section 4.3."""
    ret = value.upper() if value is not None else "?"
    if ret not in ("", "FULL", "HDRS"):
        raise Malformed(Reply(501, "5.5.4", "RET is FULL or HDRS"))
    return ret


def _envid(value: str | None) -> str:
    """RFC 3461 section 4.4."""
    if value is None or len(value) > ENVID_CHARACTERS:
        raise Malformed(Reply(501, "5.5.4", f"ENVID has 1 to {ENVID_CHARACTERS} characters"))
    try:
        return decode_xtext(value)
    except ParameterError as error:
        raise Malformed(Reply(501, "5.5.4", f"ENVID: {error}")) from None


def _notify(value: str | None) -> str:
    """RFC 3461 section 4.1: ``NEVER`` alone, or any of the three others, each once."""
    if value == "":
        return ""
    words = value.upper().split(",") if value is not None else []
    if words == ["NEVER"] or (words and len(set(words)) == len(words) and _NOTIFY_WORDS.issuperset(words)):
        return ",".join(words)
    raise Malformed(Reply(501, "5.5.4", "NOTIFY is NEVER, or some of SUCCESS, FAILURE and DELAY"))


def _orcpt(value: str | None) -> str:
    """RFC 3461 section 4.2."""
    if value == "":
        return ""
    try:
        return decode_orcpt(value or "")
    except ParameterError as error:
        raise Malformed(Reply(501, "5.5.4", str(error))) from None
