"""An issuer of tokens on this machine, over TLS."""

import http.server
import json
import ssl
import threading
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import trustme


class Issuer:
    """Answers questions with what ``answer`` makes of the token; ``asked`` are the forms and headers so far."""

    def __init__(self, root: Path, answer: Callable[[str], tuple[int, bytes]]) -> None:
        self.asked: list[tuple[dict[str, list[str]], str]] = []
        self.ca_file = root / "ca.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca_file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        asked = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                asked.append((form, self.headers.get("Authorization", "")))
                status, content = answer(form["token"][0])
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_port}/introspect?realm=mail"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def good(**facts: object) -> tuple[int, bytes]:
    """The answer for a good token."""
    return 200, json.dumps({"active": True, **facts}).encode()
