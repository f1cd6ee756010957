"""What a transport may say of its command (pipe(8)): macros of ``argv``, letters of ``flags``, and whom it runs as."""

import re
from collections.abc import Iterator, Sequence

from services.kernel.routing.options import Transport
from services.kernel.runtime.users import UnknownUser, UserRefused, resolve

MACRO = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\}|\((\w+)\))", re.ASCII)
OF_RECIPIENT = ("recipient", "original_recipient", "user", "extension", "mailbox", "domain")
"""Macros that differ from recipient to recipient."""
OF_MESSAGE = (
    "sender",
    "nexthop",
    "queue_id",
    "size",
    "envid",
    "client_address",
    "client_hostname",
    "client_helo",
    "client_protocol",
    "client_port",
    "sasl_username",
    "sasl_method",
    "sasl_sender",
)
FLAGS = frozenset("BDFORXhqu.>")
OWN_USER = "pipe"
"""Who runs the commands of transports that name nobody."""


def names(argument: str) -> list[str]:
    """The macros in an argument."""
    return [name for match in MACRO.finditer(argument) if (name := match[1] or match[2] or match[3])]


def argv_fault(argv: Sequence[str]) -> str:
    """What is wrong with the argv of a transport; empty when nothing is."""
    if not argv or not argv[0]:
        return "argv is empty"
    for argument in argv:
        if "\0" in argument:
            return "an argument holds a zero byte"
        for name in names(argument):
            if name not in OF_RECIPIENT and name not in OF_MESSAGE:
                return f"argv: there is no macro ${{{name}}}"
        if "$" in MACRO.sub("", argument):
            return f"argv: a lone $ in {argument!r}; $$ is a dollar sign"
    return ""


def flags_fault(flags: str) -> str:
    """The same of its flags."""
    unknown = "".join(sorted(set(flags) - FLAGS))
    return f"flags: there is no flag {unknown}" if unknown else ""


def user_fault(user: str) -> str:
    """The same of its user. A name that is not known here may be known where the command runs, in an image of the operator's."""
    if user in ("", OWN_USER):
        return ""
    try:
        resolve(user)
    except UnknownUser:
        return ""
    except UserRefused as refused:
        return str(refused)
    return ""


def command_faults(transport: Transport) -> Iterator[str]:
    """All that is wrong with what a transport says of its command; nothing for a transport without one."""
    if transport.program == "pipe":
        yield from filter(None, (argv_fault(transport.argv), flags_fault(transport.flags), user_fault(transport.user)))
