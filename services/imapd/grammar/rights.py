"""What a client can ask of the rights in a folder: the requests of RFC 4314."""

from dataclasses import dataclass
from enum import StrEnum

from services.kernel.mailbox.acl import Rights


class RightsWord(StrEnum):
    """How SETACL combines rights."""

    REPLACE = ""
    ADD = "+"
    REMOVE = "-"


@dataclass(frozen=True, slots=True)
class SetAcl:
    """SETACL."""

    mailbox: str
    identifier: str
    word: RightsWord
    rights: Rights


@dataclass(frozen=True, slots=True)
class DeleteAcl:
    """DELETEACL."""

    mailbox: str
    identifier: str


@dataclass(frozen=True, slots=True)
class GetAcl:
    """GETACL."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class ListRights:
    """LISTRIGHTS."""

    mailbox: str
    identifier: str


@dataclass(frozen=True, slots=True)
class MyRights:
    """MYRIGHTS."""

    mailbox: str
