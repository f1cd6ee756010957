"""Where a final recipient goes."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.kernel.routing import Destination, Explanation, LookupTrouble, Router, RouteRefused, Step
from services.kernel.runtime.config import ConfigError
from tests.unit.kernel.routing.site import Book, router

MAILBOXES = Destination("lmtp", "lmtp", "mda", 24, is_literal=True)


def route(asked: Router, recipient: str) -> Destination | RouteRefused:
    return asyncio.run(asked.route(recipient, "sender@example.test"))


def by_table(entry: str, **settings: Any) -> Router:
    return router(transport_maps=["inline:{ {x.test = " + entry + "} }"], **settings)


def test_hosted_recipient_goes_to_the_mailboxes() -> None:
    assert route(router(), "alice+x@Example.test") == MAILBOXES


@pytest.mark.parametrize(
    ("recipient", "destination"),
    [
        ("a@Elsewhere.test", Destination("smtp", "smtp", "elsewhere.test")),
        ("a@[192.0.2.7]", Destination("smtp", "smtp", "192.0.2.7", is_literal=True)),
        ("a@[IPv6:2001:DB8::7]", Destination("smtp", "smtp", "2001:db8::7", is_literal=True)),
    ],
)
def test_remote_recipient_goes_to_its_own_domain(recipient: str, destination: Destination) -> None:
    assert route(router(), recipient) == destination


def test_bad_address_literal_bounces() -> None:
    answer = route(router(), "a@[192.0.2.777]")
    assert isinstance(answer, RouteRefused)
    assert answer.reply.enhanced == "5.1.3"


@pytest.mark.parametrize(
    ("relayhost", "destination"),
    [
        ("[smart.test]:587", Destination("smtp", "smtp", "smart.test", 587, is_literal=True)),
        ("[smart.test]:submission", Destination("smtp", "smtp", "smart.test", 587, is_literal=True)),
        ("smart.test", Destination("smtp", "smtp", "smart.test")),
        ("192.0.2.5:2525", Destination("smtp", "smtp", "192.0.2.5", 2525, is_literal=True)),
        ("[2001:db8::1]:25", Destination("smtp", "smtp", "2001:db8::1", 25, is_literal=True)),
    ],
)
def test_remote_recipient_goes_to_the_smarthost(relayhost: str, destination: Destination) -> None:
    assert route(router(relayhost=relayhost), "a@elsewhere.test") == destination


@pytest.mark.parametrize("domain_class", ["relay", "backup"])
def test_smarthost_never_gets_mail_of_passed_on_domains(domain_class: str) -> None:
    book = Book(domains={"inside.test": domain_class, "fixed.test": f"{domain_class} [10.0.0.1]:26"})
    asked = router(book, relayhost="[smart.test]")
    assert route(asked, "a@inside.test") == Destination("smtp", "smtp", "inside.test", is_ours=True)
    assert route(asked, "a@fixed.test") == Destination("smtp", "smtp", "10.0.0.1", 26, is_literal=True, is_ours=True)


@pytest.mark.parametrize("domain", ["inside.test", "deep.sub.inside.test", "listed.test", "sub.listed.test"])
def test_relay_domains_cover_their_subdomains(domain: str) -> None:
    asked = router(relay_domains=["inside.test", "inline:{ listed.test=x }"], relayhost="[smart.test]")
    assert route(asked, f"a@{domain}") == Destination("smtp", "smtp", domain, is_ours=True)


@pytest.mark.parametrize(
    ("entry", "destination"),
    [
        ("smtp:[host.test]:26", Destination("smtp", "smtp", "host.test", 26, is_literal=True)),
        ("relay:host.test", Destination("relay", "smtp", "host.test")),
        ("smtp:", Destination("smtp", "smtp", "x.test")),
        (":[host.test]", Destination("smtp", "smtp", "host.test", is_literal=True)),
        (":", Destination("smtp", "smtp", "smart.test")),
        ("lmtp:inet:box.test:24", Destination("lmtp", "lmtp", "box.test", 24, is_literal=True)),
        ("lmtp:[box.test]", Destination("lmtp", "lmtp", "box.test", is_literal=True)),
    ],
)
def test_transport_entry_decides(entry: str, destination: Destination) -> None:
    assert route(by_table(entry, relayhost="smart.test"), "a@x.test") == destination


@pytest.mark.parametrize(
    ("entry", "reply"),
    [
        ("error:5.1.2 no such domain", "550 5.1.2 no such domain"),
        ("error:moved away", "550 5.0.0 moved away"),
        ("error:", "550 5.0.0 mail is not taken for this address"),
        ("retry:4.3.2 down today", "450 4.3.2 down today"),
        ("retry:5.1.1 wrong class", "450 4.0.0 5.1.1 wrong class"),
    ],
)
def test_error_and_retry_entries_refuse_with_their_words(entry: str, reply: str) -> None:
    answer = route(by_table(entry), "a@x.test")
    assert isinstance(answer, RouteRefused)
    assert str(answer.reply) == reply


@pytest.mark.parametrize("entry", ["host.test", "discard:", "uucp:x", "smtp:[host", "smtp:h:99999", "smtp:a,b", "lmtp:unix:/run/lmtp"])
def test_entry_that_says_nothing_we_know_defers(entry: str) -> None:
    with pytest.raises(LookupTrouble, match="transport of a@x"):
        route(by_table(entry), "a@x.test")


@pytest.mark.parametrize(
    ("recipient", "host"),
    [
        ("user+ext@a.b.test", "one"),
        ("user+other@a.b.test", "two"),
        ("else@a.b.test", "three"),
        ("else@c.a.b.test", "four"),
        ("else@c.b.test", "five"),
        ("else@b.test", "six"),
    ],
)
def test_transport_keys_are_tried_in_postfix_order(recipient: str, host: str) -> None:
    table = "inline:{ user+ext@a.b.test=smtp:one user@a.b.test=smtp:two a.b.test=smtp:three .a.b.test=smtp:four .b.test=smtp:five *=smtp:six }"
    answer = route(router(transport_maps=[table]), recipient)
    assert isinstance(answer, Destination)
    assert answer.host == host


@pytest.mark.parametrize(
    "settings",
    [{"relayhost": "[smart"}, {"mailbox_transport": "mda:24"}, {"mailbox_transport": "error:no"}, {"transport_maps": ["btree:x"]}],
)
def test_unusable_setting_is_a_configuration_error(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        router(**settings)


def test_explanation_names_each_table_asked_with_its_line(tmp_path: Path) -> None:
    aliases = tmp_path / "virtual"
    aliases.write_text("# aliases\nteam@example.test alice@example.test\n")
    asked = router(virtual_alias_maps=[f"hash:{aliases}"])
    told = asyncio.run(asked.explain("team@example.test", ""))
    assert isinstance(told, Explanation)
    assert told.destinations == (("alice@example.test", MAILBOXES),)
    assert Step(f"hash:{aliases}", "team@example.test", "alice@example.test", str(aliases), 2) in told.steps
    assert Step(f"hash:{aliases}", "@example.test", None) in told.steps
    assert Step("directory accounts", "alice@example.test", "enabled") in told.steps
