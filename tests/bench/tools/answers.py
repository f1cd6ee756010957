"""Wait until servers greet. Words: ``servers``, each host and port in clear text."""

import contextlib
import json
import socket
import sys
import time

SECONDS = 60.0
POLL_SECONDS = 0.1


def greets(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), SECONDS) as connection:
        return bool(connection.recv(1))
    return False


def main(servers: list[tuple[str, int]]) -> None:
    deadline = time.monotonic() + SECONDS
    for host, port in servers:
        while not greets(host, port):
            if time.monotonic() > deadline:
                sys.exit(f"{host}:{port} does not answer")
            time.sleep(POLL_SECONDS)
    print("null")


main(**json.loads(sys.argv[1]))
