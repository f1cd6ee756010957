"""The demo: mail into the site, across it and out of it, read back, with the way each message took. Run it with ``make demo``.

Works on the site of this folder, with the small world of compose.demo.yaml around it: a name server, a Postfix for world.test and Debian's mail
clients. At the end the world is taken away again and the site is as before, with two more accounts.
"""

import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

COMPOSE = ["docker", "compose", "-f", "compose.yaml", "-f", "compose.demo.yaml", "--profile", "demo"]
WORLD = ["dns", "world", "client"]
ARRIVAL_SECONDS = 60.0
"""Each message takes well under a second; on a machine that is busy building it may take longer."""
LOOK_SECONDS = 0.3
CLIENT_SECONDS = 30
"""A client that waits longer has met a fault."""
CA = "/certs/ca.pem"
HOSTNAME = "mail.example.test"
ALICE, BOB, CAROL = "alice@example.test", "bob@example.test", "carol@world.test"


class DemoFailed(Exception):
    """A step did not do what it should; the text says which and how."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message of the demo."""

    sender: str
    recipient: str
    subject: str

    @property
    def message_id(self) -> str:
        return f"<{self.subject}@demo.test>"

    @property
    def text(self) -> str:
        head = f"From: {self.sender}\nTo: {self.recipient}\nSubject: {self.subject}\nMessage-ID: {self.message_id}\n"
        return f"{head}\nGood day! This letter is part of the demo.\n"


def run(*words: str, stdin: str = "", service: str) -> str:
    """Run a command in a container and return what it printed. Raises ``DemoFailed`` when it fails."""
    done = subprocess.run([*COMPOSE, "exec", "-T", service, *words], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoFailed(f"{service}: {words[0]} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return done.stdout


def compose(*words: str) -> None:
    if subprocess.run([*COMPOSE, *words], check=False).returncode:
        raise DemoFailed(f"docker compose {words[0]} failed")


def step(text: str) -> None:
    print(f"\n== {text}", flush=True)


def make_account(address: str, password: str) -> None:
    known = run("malle", "account", "list", service="admin")
    verb = "passwd" if address in known else "add"
    print(run("malle", "account", verb, address, "--password-stdin", stdin=f"{password}\n", service="admin").rstrip())


def send_from_world(letter: Letter) -> None:
    run("sendmail", "-f", letter.sender, letter.recipient, stdin=letter.text, service="world")


def submit(letter: Letter, password: str, *way: str) -> None:
    words = ["swaks", "--server", "submission", *way, "--timeout", str(CLIENT_SECONDS)]
    trust = ["--tls-verify", "--tls-verify-target", HOSTNAME, "--tls-ca-path", CA]
    account = ["--auth", "PLAIN", "--auth-user", letter.sender, "--auth-password", password]
    run(*words, *trust, *account, "--from", letter.sender, "--to", letter.recipient, "--data", "-", stdin=letter.text, service="client")


def curl(server: str, port: int, path: str, login: str) -> str:
    scheme = "imaps" if server == "imapd" else "pop3s"
    words = ["curl", "-sS", "--max-time", str(CLIENT_SECONDS), "--cacert", CA, "--connect-to", f"::{server}:{port}", "--user", login]
    return run(*words, f"{scheme}://{HOSTNAME}/{path}", service="client")


def read_by_imap(letter: Letter, login: str) -> str:
    """Return the message, or nothing while it is not there."""
    numbers = curl("imapd", 993, f"INBOX?SUBJECT%20{letter.subject}", login).split()[2:]
    return curl("imapd", 993, f"INBOX;MAILINDEX={numbers[-1]}", login) if numbers else ""


def read_by_pop3(letter: Letter, login: str) -> str:
    """Return the newest message if it is the one, or nothing while it is not there."""
    listed = curl("pop3d", 995, "", login).splitlines()
    text = curl("pop3d", 995, listed[-1].split()[0], login) if listed else ""
    return text if letter.subject in text else ""


def read_in_the_world(letter: Letter) -> str:
    """Look into carol's mailbox: her mail is in files, a message each."""
    return run("sh", "-c", 'grep -rlF "$1" /var/mail/world.test/carol | xargs -r cat', "sh", letter.subject, service="world")


def await_arrival(letter: Letter, read: Callable[[], str]) -> None:
    """Look until the message is there, then show it."""
    started = time.monotonic()
    while not (text := read()):
        if time.monotonic() - started > ARRIVAL_SECONDS:
            raise DemoFailed(f"{letter.subject} did not reach {letter.recipient} within {ARRIVAL_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)
    print(f"{letter.recipient} has it:")
    print("\n".join(f"    {line}" for line in text.rstrip().splitlines()))


def demonstrate() -> None:
    password, mark = secrets.token_urlsafe(12), secrets.token_hex(3)
    incoming, internal, outgoing = (
        Letter(CAROL, ALICE, f"in-{mark}"),
        Letter(ALICE, BOB, f"across-{mark}"),
        Letter(ALICE, CAROL, f"out-{mark}"),
    )
    step("the site, with a small world around it")
    compose("up", "-d", "--wait", "--wait-timeout", "180")
    step(f"two people: {ALICE} and {BOB}")
    for address in (ALICE, BOB):
        make_account(address, password)

    step(f"{CAROL} writes to {ALICE}: a Postfix looks up the MX of example.test and sends")
    send_from_world(incoming)
    await_arrival(incoming, lambda: read_by_imap(incoming, f"{ALICE}:{password}"))
    step(f"{ALICE} writes to {BOB}: submission on port 587 with STARTTLS and a password; {BOB} reads by POP3")
    submit(internal, password, "--port", "587", "--tls")
    await_arrival(internal, lambda: read_by_pop3(internal, f"{BOB}:{password}"))
    step(f"{ALICE} writes to {CAROL}: submission on port 465, then the relay looks up the MX of world.test")
    submit(outgoing, password, "--port", "465", "--tlsc")
    await_arrival(outgoing, lambda: read_in_the_world(outgoing))

    for letter in (incoming, internal, outgoing):
        step(f"malle trace '{letter.message_id}'")
        print(run("malle", "trace", letter.message_id, service="admin").rstrip())
    step("taking the world away")
    compose("rm", "--stop", "--force", *WORLD)
    subprocess.run(["docker", "compose", "up", "-d", "--wait", "--wait-timeout", "180"], check=True)
    print(f"\nThe site is as before, with the accounts {ALICE} and {BOB}; the password of both is {password}")


def main() -> int:
    try:
        demonstrate()
    except (DemoFailed, subprocess.CalledProcessError) as error:
        print(f"\nThe demo failed: {error}\nAll is left running: docker compose logs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
