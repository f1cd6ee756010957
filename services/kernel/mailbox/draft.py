"""A message on its way in: small ones stay in memory, large ones go to an unnamed temporary file."""


class Draft:
    """Content that is being received. Made by ``MailStore.draft``; ``close`` it in every case."""

    size: int
    """Bytes so far."""

    def write(self, block: bytes) -> None:
        """Add content. Raises ``MailboxFull`` or ``MailboxTrouble``."""
        raise NotImplementedError

    def close(self) -> None:
        """Give memory and temporary file back; a second time is harmless."""
        raise NotImplementedError
