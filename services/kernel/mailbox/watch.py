"""Waking those who wait for a change: inotify on the file that each commit touches, across containers on one host."""

from collections.abc import Callable

from services.kernel.mailbox.user import UserMail


class Watcher:
    """The watches of one process: one inotify instance, one task."""

    async def start(self) -> None:
        """Begin to listen."""
        raise NotImplementedError

    async def close(self) -> None:
        """Stop listening."""
        raise NotImplementedError

    def subscribe(self, user: UserMail, wake: Callable[[], None]) -> Callable[[], None]:
        """Call ``wake`` in the event loop after each change of any folder of ``user``, several changes perhaps as one.

        Returns what ends the subscription. The callback must be short: set an event and look at the folder with ``changes``.
        """
        raise NotImplementedError
