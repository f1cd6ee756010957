"""The command line of a delivery: the argv of a transport with its macros (pipe(8), COMMAND ATTRIBUTE SYNTAX)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from services.kernel.mail.address import split, split_extension
from services.kernel.mail.envelope import Recipient
from services.kernel.routing.commands import MACRO, OF_RECIPIENT, names
from services.kernel.wire.delivery import DeliveryRequest

_PLAIN_LOCAL = re.compile(r"[^\x00-\x20\x7f()<>\[\]:;@\\,\"]+")
"""A local part that needs no quotes (RFC 822 section 3.3), dots included and 8-bit characters too, as Postfix has it."""


@dataclass(frozen=True, slots=True)
class Manner:
    """What a transport says of macros."""

    flags: str
    null_sender: str
    delimiter: str


Values = Mapping[str, str]
_OF_MESSAGE: dict[str, Callable[[DeliveryRequest], str]] = {
    "nexthop": lambda request: request.nexthop.host,
    "queue_id": lambda request: request.queue_id,
    "size": lambda request: str(request.content_bytes),
    "envid": lambda request: request.envid,
    "client_address": lambda request: request.client.address,
    "client_hostname": lambda request: request.client.name or "unknown",
    "client_helo": lambda request: request.client.helo,
    "client_protocol": lambda request: request.client.protocol,
    "client_port": lambda request: "",
    "sasl_username": lambda request: request.client.login,
    "sasl_method": lambda request: "",
    "sasl_sender": lambda request: "",
}
"""Of the login only the user is kept with a message, of the client not its port."""


def command_line(argv: Sequence[str], request: DeliveryRequest, recipients: Sequence[Recipient], manner: Manner) -> list[str]:
    """The arguments. One that speaks of a recipient stands there once for each of them."""
    shared = {name: value(request) for name, value in _OF_MESSAGE.items()}
    shared["sender"] = _quoted(request.sender, manner) if request.sender else _quoted(manner.null_sender, manner)
    if "h" in manner.flags:
        shared["nexthop"] = shared["nexthop"].lower()
    each = [{**shared, **_of_recipient(recipient, manner)} for recipient in recipients]
    line = list[str]()
    for argument in argv:
        is_repeated = any(name in OF_RECIPIENT for name in names(argument))
        line += [_fill(argument, values) for values in (each if is_repeated else [shared])]
    return line


def is_like_an_option(address: str) -> bool:
    """Whether a command could take the address for an option (Postfix ``allow_min_user``), with or without the quotes of its local part."""
    return address.startswith("-") or _bare(split(address)[0]).startswith("-")


def has_option(argv: Sequence[str], request: DeliveryRequest, recipient: Recipient, manner: Manner) -> bool:
    """Whether a macro makes an option of an argument that is none as it is written, as the extension of ``user+-x`` does."""
    line = command_line(argv, request, [recipient], manner)
    return any(argument.startswith("-") and not written.startswith("-") for written, argument in zip(argv, line, strict=True))


def _fill(argument: str, values: Values) -> str:
    def replace(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[3]
        return values[name] if name else "$"

    return MACRO.sub(replace, argument)


def _of_recipient(recipient: Recipient, manner: Manner) -> dict[str, str]:
    local, domain = split(recipient.address)
    local = _bare(local)
    if "u" in manner.flags:
        local = local.lower()
    user, extension = split_extension(local, manner.delimiter) if manner.delimiter else (local, "")
    return {
        "recipient": _folded(recipient.address, manner),
        "original_recipient": _folded(recipient.original, manner),
        "user": user,
        "extension": extension,
        "mailbox": local,
        "domain": domain.lower() if "h" in manner.flags else domain,
    }


def _folded(address: str, manner: Manner) -> str:
    """The flags u and h fold the two sides, q quotes the left one."""
    local, domain = split(address)
    local = local.lower() if "u" in manner.flags else local
    domain = domain.lower() if "h" in manner.flags else domain
    return _quoted(f"{local}@{domain}" if domain else local, manner)


def _quoted(address: str, manner: Manner) -> str:
    """With the flag q the local part as RFC 822 has it. Addresses in the queue have the quotes that SMTP needs; without q they lose them."""
    local, domain = split(address)
    bare = _bare(local)
    if "q" in manner.flags and bare and not _is_plain(bare):
        bare = '"' + re.sub(r'(["\\\r])', r"\\\1", bare) + '"'
    return f"{bare}@{domain}" if domain else bare


def _bare(local: str) -> str:
    """A local part without the quotes that SMTP asks for."""
    return re.sub(r"\\(.)", r"\1", local[1:-1]) if len(local) > 1 and local[0] == local[-1] == '"' else local


def _is_plain(local: str) -> bool:
    return _PLAIN_LOCAL.fullmatch(local) is not None and not local.startswith(".") and not local.endswith(".") and ".." not in local
