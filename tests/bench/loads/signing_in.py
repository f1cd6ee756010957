"""What a connection costs before it brings anything: TLS handshakes (implicit TLS, port 465), and logins after them."""

import re
from collections.abc import Mapping

from tests.bench.running import Better, Figure, Load
from tests.bench.stacks import PASSWORD, Stack

PARALLEL = 4
SECONDS = 3


def handshakes(stack: Stack) -> Mapping[str, float]:
    """Each is whole, no session is resumed. OpenSSL's own client counts them."""
    one = f"openssl s_time -connect {stack.parts.submission}:465 -new -time {SECONDS} 2>/dev/null"
    printed = stack.shell("client", f"for n in $(seq {PARALLEL}); do {one} & done; wait")
    counts = re.findall(r"(?m)^(\d+) connections in (\d+) real seconds", printed)
    if len(counts) != PARALLEL:
        raise ValueError(f"openssl s_time said {printed}")
    return {"rate": sum(int(count) / SECONDS for count, _ in counts)}


def logins(stack: Stack) -> Mapping[str, float]:
    """Connect, TLS, EHLO, AUTH PLAIN, QUIT: of a user whose password the site remembers, as the peer keeps it in clear."""
    words = {"server": stack.parts.submission, "password": PASSWORD, "processes": 2, "threads": PARALLEL}
    stack.tool("login", **words, seconds=1)
    return {"rate": stack.tool("login", **words, seconds=SECONDS)["rate"]}


LOADS = [
    Load("tls", [Figure("rate", "handshakes/s", Better.HIGHER, "tls")], handshakes),
    Load("auth", [Figure("rate", "logins/s", Better.HIGHER, "auth")], logins),
]
