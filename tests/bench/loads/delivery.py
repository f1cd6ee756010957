"""End to end: SMTP in, queue on disk, LMTP, Maildir."""

from collections.abc import Mapping

from tests.bench.kinds import FRONTS
from tests.bench.loads.mail import carry, empty_mailboxes
from tests.bench.running import Better, Figure, Load
from tests.bench.stacks import Stack

SESSIONS, SIZE_BYTES = 20, 4096
STAGES = ("mx", "qmgr", "relay", "mda", "front", "dovecot")
"""The services that a message passes, those of the peers as well."""


def _load(recipients: int, messages: int) -> Load:
    is_typical = recipients == 1
    figures = [
        Figure("rate", "mailboxes/s", Better.HIGHER, "end_to_end" if is_typical else ""),
        Figure("cpu", "ms/message", Better.LOWER, "cpu" if is_typical else ""),
        *(Figure(f"cpu {stage}", "ms/message", Better.LOWER) for stage in STAGES),
    ]

    def measure(stack: Stack) -> Mapping[str, float]:
        sent = carry(stack, sessions=SESSIONS, messages=messages, size_bytes=SIZE_BYTES, recipients=recipients)
        cpu = {f"cpu {stage}": seconds * 1000 / messages for stage, seconds in sent.cpu_seconds.items()}
        return {"rate": messages * recipients / sent.delivering_seconds, "cpu": sum(cpu.values()), **cpu}

    return Load(f"delivery/{recipients}", figures, measure, FRONTS, clear=empty_mailboxes)


LOADS = [_load(1, 3000), _load(20, 300)]
QUICK = [_load(1, 1000)]
