"""Health probe: one real exchange with the service of this container; exit status 0 when it is well.

A stand-alone script (``python -I -S probe.py smtp 127.0.0.1:25``) that imports only the built-in socket, so that a check costs a few
milliseconds of CPU. Words: ``smtp lmtp imap pop3 sieve http`` with host:port, ``channel`` with a Unix socket or host:port that accepts frames.
"""

import _socket
import sys

TIMEOUT_SECONDS = 5.0
_DIALOGUES = {
    "smtp": ((b"220", b"EHLO probe.localhost\r\n"), (b"250", b"QUIT\r\n"), (b"221", b"")),
    "lmtp": ((b"220", b"LHLO probe.localhost\r\n"), (b"250", b"QUIT\r\n"), (b"221", b"")),
    "imap": ((b"* OK", b"a1 NOOP\r\n"), (b"a1 OK", b"a2 LOGOUT\r\n"), (b"* BYE", b"")),
    "pop3": ((b"+OK", b"CAPA\r\n"), (b"+OK", b"QUIT\r\n"), (b"+OK", b"")),
    "sieve": ((b'"IMPLEMENTATION"', b'NOOP "probe"\r\n'), (b'OK (TAG "probe")', b"LOGOUT\r\n"), (b"OK", b"")),
    "http": ((b"", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), (b"HTTP/1.1 200", b"")),
}


def connect(address):  # type: ignore[no-untyped-def]  # _socket has no types
    if address.startswith("/"):
        peer = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        target = address
    else:
        host, _, port = address.rpartition(":")
        peer = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        target = (host, int(port))
    peer.settimeout(TIMEOUT_SECONDS)
    peer.connect(target)
    return peer


def converse(peer, dialogue):  # type: ignore[no-untyped-def]  # _socket has no types
    for expected, answer in dialogue:
        heard = peer.recv(4096) if expected else b""
        if not heard.startswith(expected):
            raise OSError(f"expected {expected!r}, heard {heard[:80]!r}")
        if answer:
            peer.send(answer)


def ping(peer):  # type: ignore[no-untyped-def]  # _socket has no types
    """Send the empty frame number 0 of ``kernel.wire.channel`` and expect it back."""
    frame = bytes(8)
    peer.send(frame)
    if peer.recv(len(frame)) != frame:
        raise OSError("no answer to a ping")


def examine(word: str, address: str) -> None:
    """One exchange; raises ``OSError`` when it does not go as it should."""
    peer = connect(address)  # type: ignore[no-untyped-call]  # _socket has no types
    if word == "channel":
        ping(peer)  # type: ignore[no-untyped-call]  # _socket has no types
    else:
        converse(peer, _DIALOGUES[word])  # type: ignore[no-untyped-call]  # _socket has no types


def main() -> int:
    word, address = sys.argv[1:3]
    try:
        examine(word, address)
    except OSError as error:
        print(f"{word} {address}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
