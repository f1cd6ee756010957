"""Foreign mail servers that answer by script, many in one container: each with an address, a certificate and habits of its own.

Runs in a container as ``python3 -m malleposte_lab.smtphost FILE``; the file is JSON, written by ``malleposte_lab.hosts``.
Each host listens on 25 and 587 (STARTTLS) and on 465 (TLS from the first byte), and the recipient says what happens to it as in
``sink``. What a client says is printed as it comes, ``{"kind": "said", "peer": host, "port":, "client":, "line":}``, and each message
taken as one ``taken`` line with the TLS facts and the login besides. The policy hosts answer HTTPS on 443 with MTA-STS policies.
"""

import asyncio
import base64
import contextlib
import hmac
import json
import re
import secrets
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

from malleposte_lab.sink import Session

PORTS = {25: False, 587: False, 465: True}
"""Port: TLS from the first byte?"""
Facts = dict[str, Any]


class Drop(Exception):
    """The script says that the connection ends here."""


class HostSession(Session):
    """One client of one host."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: Facts, context: ssl.SSLContext | None) -> None:
        super().__init__(reader, writer)
        self.host, self.context = host, context
        self.client, self.port = writer.get_extra_info("peername")[0], writer.get_extra_info("sockname")[1]
        self.login: tuple[str, str] = ("", "")
        self.chunks: list[bytes] = []
        self.refused = 0

    @property
    def name(self) -> str:
        return str(self.host["name"])

    @property
    def tls(self) -> ssl.SSLObject | None:
        found: ssl.SSLObject | None = self.writer.get_extra_info("ssl_object")
        return found

    async def run(self) -> None:
        with contextlib.suppress(Drop):
            if await self.scripted("greeting"):
                return
            await super().run()
        self.writer.close()

    async def scripted(self, step: str) -> bool:
        """Do what the host's script has for a step; whether it had something."""
        reply = self.host["script"].get(step)
        if reply is None:
            return False
        if reply == "drop":
            self.writer.transport.abort()
            raise Drop
        if reply == "silence":
            await self.reader.read()
            raise Drop
        await self.say(reply)
        return True

    async def command(self, verb: str, text: str) -> bool:
        print(json.dumps({"kind": "said", "peer": self.name, "port": self.port, "client": self.client, "line": text}), flush=True)
        if await self.scripted(verb):
            return True
        special = {"EHLO": self.ehlo, "STARTTLS": self.starttls, "AUTH": self.auth, "BDAT": self.bdat, "MAIL": self.mail}.get(verb)
        if special is None:
            return await super().command(verb, text)
        await special(text)
        return True

    async def ehlo(self, text: str) -> None:
        self.helo = text[5:]
        offers = list(self.host["extensions"])
        if self.tls is None and self.host["starttls"] != "no":
            offers.append("STARTTLS")
        if self.host["mechanisms"] and (self.tls is not None or self.host["starttls"] == "no"):
            offers.append(f"AUTH {' '.join(self.host['mechanisms'])}")
        lines = [self.name, *offers]
        await self.say("\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"]))

    async def starttls(self, _text: str) -> None:
        if self.host["starttls"] == "refused":
            await self.say("454 4.7.0 TLS not available")
            return
        await self.say("220 2.0.0 go on")
        if self.host["starttls"] == "broken" or self.context is None:
            self.writer.write(b"this is not TLS\r\n" * 20)
            self.writer.close()
            raise Drop
        try:
            await self.writer.start_tls(self.context)
        except (OSError, ssl.SSLError) as error:
            print(json.dumps({"kind": "tls_failed", "peer": self.name, "port": self.port, "error": str(error)}), flush=True)
            self.writer.transport.abort()
            raise Drop from None

    async def mail(self, text: str) -> None:
        if self.host["needs_tls"] and self.tls is None:
            await self.say("530 5.7.0 Must issue a STARTTLS command first")
        elif self.host["needs_login"] and not self.login[0]:
            await self.say("530 5.7.0 Authentication required")
        else:
            self.chunks = []
            await super().command("MAIL", text)

    async def auth(self, text: str) -> None:
        _, mechanism, *initial = text.split(" ")
        check = {"PLAIN": self.plain, "LOGIN": self.plain_login, "CRAM-MD5": self.cram_md5, "XOAUTH2": self.xoauth2}.get(mechanism.upper())
        if check is None or mechanism.upper() not in self.host["mechanisms"]:
            await self.say("504 5.5.4 no such mechanism")
            return
        user = await check(initial[0] if initial else None)
        if user:
            self.login = (mechanism.upper(), user)
            await self.say("235 2.7.0 signed in")
        else:
            await self.say("535 5.7.8 wrong")

    async def ask(self, challenge: bytes) -> bytes:
        await self.say(f"334 {base64.b64encode(challenge).decode()}")
        return base64.b64decode(await self.reader.readline())

    async def plain(self, initial: str | None) -> str:
        answer = base64.b64decode(initial) if initial is not None else await self.ask(b"")
        return self.known(*answer.split(b"\0")[1:3])

    async def plain_login(self, initial: str | None) -> str:
        user = base64.b64decode(initial) if initial is not None else await self.ask(b"Username:")
        return self.known(user, await self.ask(b"Password:"))

    async def cram_md5(self, _initial: str | None) -> str:
        challenge = f"<{secrets.token_hex(8)}@{self.name}>".encode()
        user, _, digest = (await self.ask(challenge)).decode().rpartition(" ")
        password = self.host["users"].get(user, "")
        return user if hmac.new(password.encode(), challenge, "md5").hexdigest() == digest else ""

    async def xoauth2(self, initial: str | None) -> str:
        answer = base64.b64decode(initial) if initial is not None else await self.ask(b"")
        found = re.fullmatch(rb"user=(.*?)\x01auth=Bearer (.*?)\x01\x01", answer)
        user = self.known(*found.groups()) if found else ""
        if not user:
            await self.ask(b'{"status":"401","schemes":"bearer","scope":"https://mail.test/"}')
        return user

    def known(self, user: bytes = b"", password: bytes = b"") -> str:
        name = user.decode("utf-8", "replace")
        return name if name and self.host["users"].get(name) == password.decode("utf-8", "replace") else ""

    async def bdat(self, text: str) -> None:
        _, count, *last = text.split(" ")
        self.chunks.append(await self.reader.readexactly(int(count)))
        if not last:
            await self.say("250 2.0.0 more")
            return
        content, self.chunks = b"".join(self.chunks), []
        if not self.recipients:
            await self.say("554 5.5.1 no valid recipients")
            return
        refusal = self.word(r"data-(\d{3})")
        if refusal:
            await self.say(f"{refusal} {refusal[0]}.0.0 scripted")
            return
        self.record(content)
        await self.say("250 2.0.0 taken")

    def facts(self) -> dict[str, object]:
        tls = self.tls
        shown: Facts = (tls and tls.getpeercert()) or {}
        subject = dict(part[0] for part in shown.get("subject", ()))
        return {
            "client": self.client,
            "port": self.port,
            "tls": tls.version() if tls else "",
            "sni": (self.context and tls and SNI.get(id(tls))) or "",
            "client_certificate": subject.get("commonName", ""),
            "sasl_method": self.login[0],
            "sasl_username": self.login[1],
        }


SNI: dict[int, str] = {}


def context_of(host: Facts, certificates: Path) -> ssl.SSLContext | None:
    if not host["certificate"]:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / host["certificate"])
    if host["asks_certificate"]:
        context.load_verify_locations(certificates / "ca.pem")
        context.verify_mode = ssl.CERT_OPTIONAL if host["asks_certificate"] == "asks" else ssl.CERT_REQUIRED
    if host["newest_tls"] == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    def note(tls: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        SNI[id(tls)] = name or ""

    context.sni_callback = note
    return context


async def serve(host: Facts, certificates: Path) -> None:
    context = context_of(host, certificates)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
            await HostSession(reader, writer, host, context).run()

    for port, from_the_start in PORTS.items():
        if context is not None or not from_the_start:
            await asyncio.start_server(accept, host["address"], port, ssl=context if from_the_start else None, limit=2**20)


async def serve_policies(host: Facts, policies: dict[str, str], certificates: Path) -> None:
    """HTTPS on 443: the MTA-STS policy of the name that the Host field has (RFC 8461 section 3.3)."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            name = match[1] if (match := re.search(r"(?im)^host: *([^:\s]+)", head)) else ""
            text = policies.get(name) if "GET /.well-known/mta-sts.txt " in head else None
            print(json.dumps({"kind": "policy_asked", "peer": name, "found": text is not None}), flush=True)
            status, body = ("200 OK", text) if text is not None else ("404 Not Found", "none\r\n")
            fields = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(fields.encode() + body.encode())
            await writer.drain()
        writer.close()

    await asyncio.start_server(accept, host["address"], 443, ssl=context_of(host, certificates))


def take_address(address: str) -> None:
    """Add an address to the interface whose network it belongs to."""
    links = json.loads(subprocess.run(["ip", "-json", "address"], check=True, capture_output=True).stdout)
    network = address.rpartition(".")[0] + "."
    device = next(link["ifname"] for link in links for have in link["addr_info"] if have["local"].startswith(network))
    subprocess.run(["ip", "address", "add", f"{address}/24", "dev", device], check=True)


async def main(world: dict[str, Any], certificates: Path) -> None:
    for host in [*world["hosts"], *world["policy_hosts"]]:
        take_address(host["address"])
    for host in world["hosts"]:
        await serve(host, certificates)
    for host in world["policy_hosts"]:
        await serve_policies(host, world["policies"], certificates)
    print("hosts open", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    described = Path(sys.argv[1])
    asyncio.run(main(json.loads(described.read_text()), described.parent))
