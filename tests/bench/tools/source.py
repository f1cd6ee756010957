"""Postfix's smtp-source, several at a time."""

import subprocess
import time
from dataclasses import dataclass

PARALLEL = 10
"""Most processes: each sends to a mailbox of its own."""
PATIENCE_SECONDS = 300.0
"""More than any load takes. OpenSMTPD forgets a session now and then, and smtp-source would wait for it for ever."""


@dataclass(frozen=True)
class Send:
    """``sessions`` connections in all bring ``messages`` to ``server``, for one user a process."""

    server: str
    sessions: int
    messages: int
    size_bytes: int
    domain: str
    reuse: bool = False

    def commands(self) -> list[list[str]]:
        parallel = min(PARALLEL, self.sessions, self.messages)
        return [self._command(number, parallel) for number in range(parallel)]

    def _command(self, number: int, parallel: int) -> list[str]:
        messages = self.messages // parallel + (number < self.messages % parallel)
        sessions = self.sessions // parallel + (number < self.sessions % parallel)
        words = ["smtp-source", "-4", *(["-d"] if self.reuse else []), "-s", str(sessions), "-m", str(messages), "-l", str(self.size_bytes)]
        return [*words, "-f", "carol@world.test", "-t", f"bench{number}@{self.domain}", f"{self.server}:25"]


def send(wanted: Send) -> None:
    """Return when all is accepted. Raises ``CalledProcessError`` when something is not, and ``TimeoutExpired``."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    running = [subprocess.Popen(command) for command in wanted.commands()]
    try:
        for process in running:
            if process.wait(deadline - time.monotonic()) != 0:
                raise subprocess.CalledProcessError(process.returncode, process.args)
    finally:
        for process in running:
            process.kill()
