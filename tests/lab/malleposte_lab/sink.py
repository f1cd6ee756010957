"""A foreign mail server that answers by script. Runs in a container; listens on port 25.

The local part of a recipient says what happens to it, so that a test reads alone:

=====================  ==============================================================
``anything``           accepted
``refuse-550``         RCPT is answered ``550``, always (any code from 400 to 599)
``first-451-2``        RCPT is answered ``451`` twice, then accepted (any code, any count)
``data-554``           accepted, but the final dot is answered ``554``
``drop-data-1``        the connection is cut in DATA, once; then accepted
``drop-dot-1``         the message is taken, but the connection is cut before the reply, once
``tarpit-7``           the reply to RCPT comes after 7 seconds, and so does the one to the final dot
=====================  ==============================================================

Each message taken is printed as one JSON line: ``{"kind": "taken", "time":, "peer": host, "client":, "from":, "to": [], "helo":,
"commands": [], "size":, "sha256":, "subject":, "content": base64}``.
"""

import asyncio
import base64
import collections
import contextlib
import hashlib
import json
import re
import socket
import time

CONTENT_LIMIT = 6000
"""Of a larger message the beginning is kept: a line of Docker's log holds 16 KiB."""

counts: collections.Counter[str] = collections.Counter()


class Session:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.helo, self.sender = "", ""
        self.recipients: list[str] = []
        self.parameters: list[str] = []

    async def say(self, text: str) -> None:
        self.writer.write(text.encode() + b"\r\n")
        await self.writer.drain()

    @property
    def name(self) -> str:
        return socket.gethostname()

    async def run(self) -> None:
        await self.say(f"220 {self.name} ESMTP sink")
        while line := await self.reader.readline():
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            verb = text.split(" ", 1)[0].upper()
            if not await self.command(verb, text):
                break
        self.writer.close()

    async def command(self, verb: str, text: str) -> bool:
        if verb == "EHLO":
            self.helo = text[5:]
            await self.say("250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 SIZE 100000000")
        elif verb == "MAIL":
            self.sender, self.recipients, self.parameters = path(text), [], [text]
            await self.say("250 2.1.0 ok")
        elif verb == "RCPT":
            await self.rcpt(text)
        elif verb == "DATA":
            return await self.data()
        elif verb == "QUIT":
            await self.say("221 2.0.0 bye")
            return False
        else:
            await self.say("250 2.0.0 ok")
        return True

    async def rcpt(self, text: str) -> None:
        recipient = path(text)
        code = scripted_code(recipient)
        await asyncio.sleep(tarpit_seconds(recipient))
        if code:
            await self.say(f"{code} {code[0]}.0.0 scripted for {recipient}")
            return
        self.recipients.append(recipient)
        self.parameters.append(text)
        await self.say("250 2.1.5 ok")

    async def data(self) -> bool:
        if not self.recipients:
            await self.say("554 5.5.1 no valid recipients")
            return True
        await self.say("354 go on")
        if self.strikes("drop-data"):
            self.writer.transport.abort()
            return False
        content = await self.content()
        refusal = self.word(r"data-(\d{3})")
        if refusal:
            await self.say(f"{refusal} {refusal[0]}.0.0 scripted")
            return True
        self.record(content)
        await asyncio.sleep(max(map(tarpit_seconds, self.recipients)))
        if self.strikes("drop-dot"):
            self.writer.transport.abort()
            return False
        await self.say("250 2.0.0 taken")
        return True

    async def content(self) -> bytes:
        lines = []
        while (line := await self.reader.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)

    def word(self, pattern: str) -> str:
        found = (re.match(pattern, recipient) for recipient in self.recipients)
        return next((match[1] for match in found if match), "")

    def strikes(self, name: str) -> bool:
        limit = self.word(rf"{name}-(\d+)")
        if not limit:
            return False
        key = f"{name} {self.recipients[0]}"
        counts[key] += 1
        return counts[key] <= int(limit)

    def record(self, content: bytes) -> None:
        subject = re.search(rb"(?im)^subject: *(.*?)\r?$", content)
        facts = {
            "kind": "taken",
            "time": time.time(),
            "peer": self.name,
            **self.facts(),
            "from": self.sender,
            "to": self.recipients,
            "helo": self.helo,
            "commands": self.parameters,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "subject": subject[1].decode("utf-8", "replace") if subject else "",
            "content": base64.b64encode(content[:CONTENT_LIMIT]).decode(),
        }
        print(json.dumps(facts), flush=True)

    def facts(self) -> dict[str, object]:
        """What else a kind of server writes down."""
        return {"client": self.writer.get_extra_info("peername")[0]}


def path(text: str) -> str:
    match = re.search(r"<(.*?)>", text)
    return match[1] if match else ""


def tarpit_seconds(recipient: str) -> float:
    found = re.match(r"tarpit-(\d+)", recipient)
    return float(found[1]) if found else 0.0


def scripted_code(recipient: str) -> str:
    always = re.match(r"refuse-(\d{3})", recipient)
    if always:
        return always[1]
    first = re.match(r"first-(\d{3})-(\d+)", recipient)
    if first:
        counts[recipient] += 1
        if counts[recipient] <= int(first[2]):
            return first[1]
    return ""


async def main() -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await Session(reader, writer).run()

    server = await asyncio.start_server(accept, None, 25, limit=2**20)
    print("sink open", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
