"""What was said over a connection, kept at next to no cost for the case that it goes wrong.

While all goes well only references are collected; words are made of them by ``lines``. What a login sends is never among the words: behind AUTH
nothing but the mechanism is shown until the server has decided, and a server that repeats a secret in its reply does not get it in.
"""

from collections.abc import Iterator

from services.kernel.mail.reply import Reply

LINES = 100
CHARACTERS = 4096
"""The most that is kept of one dialogue: its beginning and its end."""
LINE_CHARACTERS = 512
"""RFC 5321 section 4.5.3.1.4 and 5; what is longer is cut."""
HIDDEN = "(hidden)"
SECRET_CHARACTERS = 4
"""A shorter word is no secret: ``=`` is an empty initial response (RFC 4954 section 4)."""


class Dialogue:
    """The turns of one connection: bytes are ours, replies theirs, text is what happened besides."""

    __slots__ = ("turns",)

    def __init__(self) -> None:
        self.turns: list[bytes | Reply | str] = []

    def restart(self) -> None:
        """Forget what was: another message begins."""
        self.turns = []

    def conceal(self, reply: Reply) -> Reply:
        """The reply without what our login said, for a server that repeats it."""
        words = _Words()
        for _ in words.read(self.turns):
            pass
        text = words.conceal(reply.text)
        return reply if text == reply.text else Reply(reply.code, reply.enhanced, text)

    def lines(self) -> list[str]:
        """The dialogue in words, at most ``LINES`` and ``CHARACTERS`` of it."""
        return _bound([line[:LINE_CHARACTERS] for line in _Words().read(self.turns)])


class _Words:
    """Turns into lines; knows whether a login is under way."""

    def __init__(self) -> None:
        self._is_login = False
        self._secrets: set[str] = set()

    def read(self, turns: list[bytes | Reply | str]) -> Iterator[str]:
        for turn in turns:
            match turn:
                case bytes():
                    for line in turn.decode("utf-8", "replace").splitlines():
                        yield f"C: {self._command(line)}"
                case Reply():
                    yield from self._reply(turn)
                case _:
                    yield f"-- {turn}"

    def _command(self, line: str) -> str:
        words = line.split()
        if words and words[0].upper() == "AUTH":
            self._is_login = True
            self._hide(words[2:])
            return " ".join([*words[:2], HIDDEN] if len(words) > 2 else words)
        if self._is_login:
            self._hide(words)
            return HIDDEN
        return "".join(char if char.isprintable() else "?" for char in line)

    def _hide(self, words: list[str]) -> None:
        self._secrets.update(word for word in words if len(word) > SECRET_CHARACTERS)

    def conceal(self, text: str) -> str:
        """The text without the secrets that were read."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text

    def _reply(self, reply: Reply) -> Iterator[str]:
        if self._is_login and reply.code == 334:  # RFC 4954 section 4: the challenge goes with the secret
            yield f"S: 334 {HIDDEN}"
            return
        self._is_login = False
        for line in reply.lines():
            yield f"S: {self.conceal(line)}"


def _bound(lines: list[str]) -> list[str]:
    """The first quarter and the last three of what may be kept: the end says what went wrong."""
    if len(lines) <= LINES and sum(map(len, lines)) <= CHARACTERS:
        return lines
    head = _take(lines, LINES // 4, CHARACTERS // 4)
    tail = _take(lines[len(head) :][::-1], LINES - LINES // 4 - 1, CHARACTERS - CHARACTERS // 4)[::-1]
    return [*head, f"-- {len(lines) - len(head) - len(tail)} lines left out", *tail]


def _take(lines: list[str], count: int, characters: int) -> list[str]:
    taken = []
    for line in lines[:count]:
        characters -= len(line)
        if characters < 0:
            break
        taken.append(line)
    return taken
