"""Our routes and rewritten messages beside those of Postfix.

``postfix/routes.json`` and ``postfix/rewrites.json`` hold what Debian's Postfix (its version stands in the files) answered: the first was asked
of trivial-rewrite over its socket, the second read with postcat from messages that came in by SMTP from a local client. ``settings`` are
main.cf parameters. A fifth word in an answer is ours where we mean to differ: a smarthost never gets mail of relay domains.
``postfix/aliases.json`` is a file of aliases, and the sender and recipients of the messages that local(8) made of each recipient.
"""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from services.kernel.mail.address import split
from services.kernel.routing import Accepted, Destination, Router
from services.kernel.routing.nexthop import parse_nexthops
from tests.unit.kernel.routing.site import Book, router

FOLDER = Path(__file__).parent / "postfix"
RENAMED = {"virtual_transport": "mailbox_transport"}
TEXTS = ("myorigin", "always_bcc", "relayhost", "default_transport", "relay_transport", "local_transport", "mailbox_transport")
OWN: dict[str, dict[str, str]] = {name: {} for name in ("slow", "usual", "inside", "boxes", "lbox")}
"""Transports that the answers name, all of them of the program smtp as far as routing is concerned."""
SITES = {name: json.loads((FOLDER / f"{name}.json").read_text())["sites"] for name in ("routes", "rewrites")}
ROUTES = [(site, answer) for site in SITES["routes"] for answer in site["answers"]]
ALIASES = json.loads((FOLDER / "aliases.json").read_text())
MESSAGES = [(site, message) for site in SITES["rewrites"] for message in site["messages"]]


def site_of(parameters: dict[str, str]) -> Router:
    """A router with the settings of a main.cf."""
    settings: dict[str, Any] = {"transports": OWN, "local_recipient_maps": ["static:all"]}
    for name, value in parameters.items():
        if name == "append_dot_mydomain":
            settings[name] = value == "yes"
        elif name != "recipient_delimiter" and not name.startswith("empty_address"):
            ours = RENAMED.get(name, name)
            settings[ours] = value if ours in TEXTS else split_list(value)
        elif name != "recipient_delimiter":
            settings[name] = value
    return router(Book(domains={}), "", parameters.get("recipient_delimiter", "+"), **settings)


def split_list(value: str) -> list[str]:
    """Cut at commas and blanks outside of braces."""
    words, depth = [""], 0
    for character in value:
        depth += (character == "{") - (character == "}")
        if depth == 0 and character in ", ":
            words.append("")
        else:
            words[-1] += character
    return [word for word in words if word]


def expected_route(transport: str, nexthop: str) -> str:
    """Postfix's answer in the words of ``way``."""
    match transport:
        case "error" | "retry":
            return f"{transport} {re.sub(r'^[45](?:[.][0-9]+){2} ', '', nexthop)}"
        case "discard":
            return "discard"
        case "local" | "virtual":
            return "lmtp:[mda]:24"
        case _:
            return f"{transport}:{','.join(map(str, parse_nexthops(nexthop.lower().replace('ipv6:', ''))))}"


def way(asked: Router, sender: str, recipient: str) -> str:
    answer = asyncio.run(asked.route(recipient, sender))
    if isinstance(answer, Destination):
        return str(answer)
    kind = {2: "discard", 4: "retry", 5: "error"}[answer.reply.code // 100]
    return kind if kind == "discard" else f"{kind} {answer.reply.text}"


@pytest.mark.parametrize(("site", "answer"), ROUTES, ids=[f"{site['name']}: {answer[0]} {answer[1]}" for site, answer in ROUTES])
def test_route_is_the_one_of_postfix(site: dict[str, Any], answer: list[str]) -> None:
    sender, recipient, transport, nexthop, *ours = answer
    assert way(site_of(site["settings"]), sender, recipient) == (ours[0] if ours else expected_route(transport, nexthop))


@pytest.mark.parametrize(("site", "message"), MESSAGES, ids=[f"{site['name']}: {message['head'][:40]!r}" for site, message in MESSAGES])
def test_message_is_rewritten_as_by_postfix(site: dict[str, Any], message: dict[str, Any]) -> None:
    asked = site_of(site["settings"])
    sender, recipients, head = asyncio.run(take_in(asked, message))
    assert sender == message["new_sender"]
    assert recipients == {(address, original) for address, original in message["new_recipients"]}
    assert fields(head) == [re.sub(r"\s+", "", field) for field in message["new_fields"]]


async def take_in(asked: Router, message: dict[str, Any]) -> tuple[str, set[tuple[str, str]], str]:
    """What smtpd does with a message of a local client."""
    sender = await asked.sender(message["sender"])
    found = {(copy.address, copy.original) for copy in sender.copies}
    for recipient in message["recipients"]:
        answer = await asked.accept(recipient, may_relay=True)
        assert isinstance(answer, Accepted), (recipient, answer)
        found |= {(address, recipient) for address in answer.final} | {(copy.address, copy.original) for copy in answer.copies}
    return sender.address, found, (await asked.rewrite_header(message["head"].encode())).decode()


def fields(head: str) -> list[str]:
    """The fields without blanks: Postfix folds anew what it has rewritten."""
    return [re.sub(r"\s+", "", field) for field in re.split(r"\r\n(?![ \t])", head) if field]


@pytest.mark.parametrize(("sender", "recipient", "messages"), ALIASES["answers"])
def test_alias_is_followed_as_by_postfix(tmp_path: Path, sender: str, recipient: str, messages: list[tuple[str, list[str]]]) -> None:
    (tmp_path / "more").write_text(ALIASES["more"])
    (tmp_path / "aliases").write_text("\n".join(ALIASES["aliases"]).replace("/tmp/more", str(tmp_path / "more")))
    asked = router(
        Book(domains={}),
        mydestination=["local.test"],
        alias_maps=[f"hash:{tmp_path}/aliases"],
        virtual_alias_domains=["alias.test"],
        virtual_alias_maps=["inline:{ {team@alias.test = v1@out.test, v2@out.test} }"],
    )
    local, domain = split(recipient)
    answer = asyncio.run(asked.accept(f'"{local}"@{domain}' if " " in local else recipient))
    assert isinstance(answer, Accepted)
    owners = dict(answer.owners)
    assert {(owners.get(address, sender), address) for address in answer.final} == {(own, each) for own, some in messages for each in some}


def test_there_are_enough_answers() -> None:
    assert len(ROUTES) >= 100
    assert len(MESSAGES) >= 40
    assert all(split(message["recipients"][0])[1] for _, message in MESSAGES)
