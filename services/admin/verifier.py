"""The operator's side of the verdict hop: one question at a time to verify."""

from collections.abc import AsyncIterator

from services.admin.line import Line
from services.kernel.wire.verdict import Done, Known, List, Listing, Load, Response, Verdict

BATCH = 1000
"""Addresses of one ``Load``: some 100 KB."""


class Verifier(Line):
    """A connection to verify."""

    WHO = "verify"
    RESPONSE = Response
    SECONDS = 90.0
    """A probe may take a minute, and wait for its turn before."""

    async def verdicts(self, state: str, domain: str) -> AsyncIterator[Verdict]:
        """The cache, page by page, in the order of addresses. Raises ``ControlError``."""
        after = ""
        while True:
            page = await self.ask(List(state, domain, after), Listing)
            for verdict in page.verdicts:
                yield verdict
            if not page.more or not page.verdicts:
                return
            after = page.verdicts[-1].address

    async def load(self, known: list[Known]) -> int:
        """Put addresses into the cache; return how many. Raises ``ControlError``."""
        batches = [known[start : start + BATCH] for start in range(0, len(known), BATCH)]
        return sum([(await self.ask(Load(batch), Done)).count for batch in batches])
