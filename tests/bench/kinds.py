"""What the stacks are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

OURS = "malleposte"
PEER = "postfix"
OPENSMTPD = "opensmtpd"
PROFILED = "profiled"
"""Ours, with a sampler in each program that a message passes."""
FRONTS = (OURS, PEER, OPENSMTPD)
"""Stacks that take and carry mail; what is done to a queue or a mailbox is compared with the peer alone: both others have the same Dovecot."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The host names of a stack's servers, and the service that owns the queue."""

    mx: str
    submission: str
    imap: str
    pop3: str
    queue: str


@dataclass(frozen=True, slots=True)
class Operator:
    """What the operator of a stack says, and in the container of which service; ``deferred`` is a folder in that of the queue's."""

    service: str
    list_queue: str
    flush_queue: str
    deferred: str


@dataclass(frozen=True, slots=True)
class Kind:
    """The Compose files of a stack, and how to deal with it."""

    files: Sequence[Path]
    parts: Parts
    operator: Operator
    is_ours: bool = False


def _peer(front: str, operator: Operator) -> Kind:
    return Kind([HERE / "compose.peer.yaml"], Parts(front, front, "dovecot", "dovecot", "front"), operator)


def _ours(*more: Path) -> Kind:
    files = [ROOT / "compose.yaml", HERE / "compose.ours.yaml", *more]
    operator = Operator("admin", "malle queue list", "malle queue flush", "/queue/deferred")
    return Kind(files, Parts("mx", "submission", "imapd", "pop3d", "qmgr"), operator, is_ours=True)


KINDS = {
    OURS: _ours(),
    PROFILED: _ours(HERE / "compose.profile.yaml"),
    PEER: _peer("postfix", Operator("front", "postqueue -p", "postqueue -f", "/var/spool/postfix/deferred")),
    OPENSMTPD: _peer("opensmtpd", Operator("front", "smtpctl show queue", "smtpctl schedule all", "/var/spool/smtpd/queue")),
}
