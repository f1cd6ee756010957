"""Who may come in: limits on sessions, in all and of one user."""

from collections import Counter
from collections.abc import Callable


class Admission:
    """Counts the sessions of this process; ``on_change`` hears their number."""

    def __init__(self, sessions: int, sessions_per_user: int, on_change: Callable[[int], None]) -> None:
        self._most = sessions
        self._most_per_user = sessions_per_user
        self._sessions = 0
        self._on_change = on_change
        self._by_user: Counter[str] = Counter()

    def enter(self) -> bool:
        """Count a session in; false when there are too many, which need no ``leave``."""
        if self._sessions >= self._most:
            return False
        self._sessions += 1
        self._on_change(self._sessions)
        return True

    def leave(self) -> None:
        """Count a session out."""
        self._sessions -= 1
        self._on_change(self._sessions)

    def sign_in(self, address: str) -> bool:
        """Count a user's session in; false when the user has too many, which need no ``sign_out``."""
        if self._by_user[address] >= self._most_per_user:
            return False
        self._by_user[address] += 1
        return True

    def sign_out(self, address: str) -> None:
        """Count a user's session out."""
        self._by_user[address] -= 1
        if not self._by_user[address]:
            del self._by_user[address]
