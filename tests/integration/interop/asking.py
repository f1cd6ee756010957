"""Appends mails to the INBOX of an IMAP server, octet by octet, and asks for some items of each.

Runs where the clients are: ``python3 -c ... HOST PORT USER PASSWORD ITEMS`` with a JSON list of mails on standard input; prints a JSON list of the
list of items that came for each, or null for a mail that the server did not take. Mails and answers are in base64.
"""

import base64
import json
import re
import socket
import ssl
import sys
from typing import BinaryIO

SECONDS = 60.0
"""A server that takes longer for an answer has hung."""
_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")
_FETCHED = re.compile(rb"\* \d+ FETCH (.*)\r\n\Z", re.DOTALL)


class Session:
    """A connection to a server, signed in; over TLS where it is offered."""

    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        self._socket = socket.create_connection((host, port), SECONDS)
        self._lines: BinaryIO = self._socket.makefile("rb")
        self._answer()
        if b"STARTTLS" in b"".join(self.command(b"CAPABILITY")):
            self.command(b"STARTTLS")
            self._socket = ssl.create_default_context(cafile="/certs/ca.pem").wrap_socket(self._socket, server_hostname=host)
            self._lines = self._socket.makefile("rb")
        self.command(b'LOGIN "%b" "%b"' % (user.encode(), password.encode()))

    def command(self, text: bytes) -> list[bytes]:
        """Send a command and return the answers before the reply, which must be OK."""
        answers, reply = self.attempt(text)
        if not reply.startswith(b"a OK"):
            raise AssertionError((text[:100], reply))
        return answers

    def attempt(self, text: bytes) -> tuple[list[bytes], bytes]:
        """Send a command; return the answers before the reply, and the reply."""
        self._socket.sendall(b"a " + text + b"\r\n")
        answers = []
        while not (answer := self._answer()).startswith(b"a "):
            answers.append(answer)
        return answers, answer

    def _answer(self) -> bytes:
        answer = self._lines.readline()
        while literal := _LITERAL.search(answer):
            answer += self._lines.read(int(literal[1])) + self._lines.readline()
        if not answer.endswith(b"\n"):
            raise AssertionError(("the connection ended after", answer))
        return answer


def main() -> None:
    """Append, fetch, print."""
    host, port, user, password, items = sys.argv[1:]
    session = Session(host, int(port), user, password)
    mails = [base64.b64decode(mail) for mail in json.load(sys.stdin)]
    taken = [session.attempt(b"APPEND INBOX {%d+}\r\n%b" % (len(mail), mail))[1].startswith(b"a OK") for mail in mails]
    session.command(b"SELECT INBOX")
    answers = session.command(b"FETCH 1:* " + items.encode())
    fetched = (base64.b64encode(match[1]).decode() for answer in answers if (match := _FETCHED.match(answer)))
    json.dump([next(fetched) if was_taken else None for was_taken in taken], sys.stdout)


if __name__ == "__main__":
    main()
