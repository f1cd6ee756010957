"""Where a final recipient goes."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.kernel.routing import Destination, Discarded, Explanation, LookupTrouble, Note, Remark, Route, Router, RouteRefused, Step
from services.kernel.routing.nexthop import Nexthop
from services.kernel.runtime.config import ConfigError
from services.kernel.wire.nexthop import to_nexthop
from tests.unit.kernel.routing.site import Book, router

MAILBOXES = Destination("lmtp", "lmtp", "mda", 24, is_literal=True)


def route(asked: Router, recipient: str, sender: str = "sender@example.test") -> Route:
    return asyncio.run(asked.route(recipient, sender))


def way(asked: Router, recipient: str, sender: str = "sender@example.test") -> str:
    """The route in Postfix's words, or in those of the reply."""
    answer = route(asked, recipient, sender)
    return str(answer) if isinstance(answer, Destination) else str(answer.reply)


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


MBOX = Destination("lmtp", "lmtp", "mda", 24, is_literal=True, mbox="lists")


@pytest.mark.parametrize("recipient", ["a@x.test", "alice@example.test", "a@passed.test"])
def test_entry_for_an_mbox_leads_to_mda_with_the_name_of_the_file(recipient: str) -> None:
    book = Book(domains={"example.test": "hosted", "passed.test": "relay"})
    asked = router(book, transport_maps=["static:mbox:lists"], mboxes=["lists"], relayhost="[smart.test]")
    assert route(asked, recipient) == MBOX
    assert way(asked, recipient) == str(to_nexthop(MBOX)) == "mbox:lists"


def test_mda_that_writes_mboxes_may_be_somewhere_else_and_another_program_may_have_the_mailboxes() -> None:
    settings = {"mboxes": ["lists"], "mbox_transport": "far:inet:mda.far.test:2424", "mailbox_transport": "lmtp:unix:/other"}
    found = route(by_table("mbox:lists", **settings, transports={"far": {"program": "lmtp"}}), "a@x.test")
    assert found == Destination("far", "lmtp", "mda.far.test", 2424, is_literal=True, mbox="lists")


def test_mailboxes_of_a_site_may_be_an_mbox() -> None:
    assert way(router(mboxes=["all"], mailbox_transport="mbox:all"), "alice@example.test") == "mbox:all"


@pytest.mark.parametrize(
    ("entry", "words"),
    [("mbox:other", "there is no mbox 'other' in routing.mboxes"), ("mbox:", "mbox: names no file"), ("mbox", "mbox: names no file"),
     ("mbox:../lists", "there is no mbox '../lists'")],
)  # fmt: skip
def test_entry_for_an_mbox_that_is_not_set_is_trouble_that_names_it(entry: str, words: str) -> None:
    asked = by_table(entry, mboxes=["lists"])
    with pytest.raises(LookupTrouble, match=words):
        route(asked, "a@x.test")
    (fault,) = asyncio.run(asked.faults())
    assert words in fault


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "", "a.lock", "a b", "a" * 101, "ä", "a\n"])
def test_name_of_an_mbox_is_no_path(name: str) -> None:
    with pytest.raises(ValueError, match="is no name of an mbox"):
        router(mboxes=["good-1.2_x", name])


@pytest.mark.parametrize("value", ["smtp:[mda]:24", "lmtp:", "mbox:lists", ""])
def test_writer_of_mboxes_takes_mail_by_lmtp(value: str) -> None:
    with pytest.raises(ConfigError, match=r"routing\.mbox_transport"):
        router(mbox_transport=value)


def test_transport_of_the_sites_own_with_that_name_is_what_it_says() -> None:
    assert way(by_table("mbox:[host.test]", transports={"mbox": {}}), "a@x.test") == "mbox:[host.test]"


@pytest.mark.parametrize("entry", ["mbox:", "mbox"])
def test_next_hop_of_a_transport_of_the_sites_own_with_that_name_is_the_domain_where_none_is_named(entry: str) -> None:
    asked = by_table(entry, transports={"mbox": {}})
    assert way(asked, "a@X.test") == "mbox:x.test"
    assert asyncio.run(asked.faults()) == []
    assert route(by_table(entry, transports={"mbox": {"program": "pipe", "argv": ["/bin/cat"]}}), "a@x.test") == Destination("mbox", "pipe", "x.test")


def test_mailboxes_may_be_behind_a_transport_of_the_sites_own_with_that_name() -> None:
    settings = {"mailbox_transport": "mbox:inet:store.test:24", "transports": {"mbox": {"program": "lmtp"}}}
    assert route(by_table("local:", **settings), "a@x.test") == Destination("mbox", "lmtp", "store.test", 24, is_literal=True)


def test_bad_address_literal_bounces() -> None:
    answer = route(router(), "a@[192.0.2.777]")
    assert isinstance(answer, RouteRefused)
    assert answer.reply.enhanced == "5.1.3"


@pytest.mark.parametrize(
    ("relayhost", "destination"),
    [
        ("[smart.test]:587", Destination("smtp", "smtp", "smart.test", 587, is_literal=True, is_smarthost=True)),
        ("[smart.test]:submission", Destination("smtp", "smtp", "smart.test", 587, is_literal=True, is_smarthost=True)),
        ("smart.test", Destination("smtp", "smtp", "smart.test", is_smarthost=True)),
        ("192.0.2.5:2525", Destination("smtp", "smtp", "192.0.2.5", 2525, is_literal=True, is_smarthost=True)),
        ("[2001:db8::1]:25", Destination("smtp", "smtp", "2001:db8::1", 25, is_literal=True, is_smarthost=True)),
        (
            "[a.test]:587, [b.test]:465 c.test",
            Destination("smtp", "smtp", "a.test", 587, True, others=(Nexthop("b.test", 465, True), Nexthop("c.test")), is_smarthost=True),
        ),
    ],
)
def test_remote_recipient_goes_to_the_smarthost(relayhost: str, destination: Destination) -> None:
    assert route(router(relayhost=relayhost), "a@elsewhere.test") == destination


OUTWARDS: dict[str, Any] = {
    "relayhost": "[smart.test]",
    "default_transport": "slow:[slow.test]",
    "sender_dependent_relayhost_maps": ["static:[other.test]"],
    "sender_dependent_default_transport_maps": ["static:slow:[mine.test]"],
    "transports": {"slow": {}},
}


@pytest.mark.parametrize("name", ["relayhost", "default_transport", "sender_dependent_relayhost_maps", "sender_dependent_default_transport_maps"])
@pytest.mark.parametrize("domain_class", ["relay", "backup"])
def test_smarthost_never_gets_mail_of_passed_on_domains(domain_class: str, name: str) -> None:
    book = Book(domains={"inside.test": domain_class, "fixed.test": f"{domain_class} [10.0.0.1]:26"})
    asked = router(book, transports=OUTWARDS["transports"], **{name: OUTWARDS[name]})
    is_backup = domain_class == "backup"
    assert route(asked, "a@inside.test") == Destination("relay", "smtp", "inside.test", is_ours=True, is_backup=is_backup)
    fixed = Destination("relay", "smtp", "10.0.0.1", 26, is_literal=True, is_ours=True, is_backup=is_backup)
    assert route(asked, "a@fixed.test") == fixed
    outside = route(asked, "a@elsewhere.test")
    assert isinstance(outside, Destination) and outside.is_smarthost


FOR_ALL = ["inline:{ {* = smtp:[smart.test]} }", "static:smtp:[smart.test]", "regexp:{ {/./ :[smart.test]} }", "pcre:{ {/@/ smtp:[smart.test]} }"]


@pytest.mark.parametrize("table", FOR_ALL)
@pytest.mark.parametrize("domain_class", ["relay", "backup"])
def test_entry_for_all_mail_is_no_way_for_passed_on_domains(domain_class: str, table: str) -> None:
    book = Book(domains={"inside.test": domain_class, "fixed.test": f"{domain_class} [10.0.0.1]:26"})
    asked = router(book, transport_maps=[table])
    assert way(asked, "a@Inside.test") == "relay:inside.test"
    assert way(asked, "a@fixed.test") == "relay:[10.0.0.1]:26"
    assert way(asked, "a@elsewhere.test") == "smtp:[smart.test]"
    remarks = asyncio.run(asked.explain("a@inside.test", "")).stages[-1].remarks
    assert Remark("a@inside.test", Note.TRANSPORT_FOR_ALL) in remarks


@pytest.mark.parametrize("entry", ["slow:", "error:no", "lmtp:inet:store.test:24"])
def test_entry_for_all_mail_that_names_no_smarthost_is_for_passed_on_domains_too(entry: str) -> None:
    asked = router(Book(domains={"inside.test": "relay"}), transport_maps=["inline:{ {* = " + entry + "} }"], transports={"slow": {}})
    assert way(asked, "a@inside.test") != "relay:inside.test"


@pytest.mark.parametrize("table", ["regexp:{ {/@inside[.]test$$/ smtp:[named.test]} }", "inline:{ {.test = smtp:[named.test]} }"])
def test_entry_that_is_not_for_all_mail_is_for_passed_on_domains(table: str) -> None:
    assert way(router(Book(domains={"inside.test": "relay"}), transport_maps=[table]), "a@inside.test") == "smtp:[named.test]"


def test_smarthost_never_gets_mail_of_hosted_domains() -> None:
    assert route(router(**OUTWARDS), "alice@example.test") == MAILBOXES


@pytest.mark.parametrize("domain", ["inside.test", "deep.sub.inside.test", "listed.test", "sub.listed.test"])
def test_relay_domains_cover_their_subdomains(domain: str) -> None:
    asked = router(relay_domains=["inside.test", "inline:{ listed.test=x }"], relayhost="[smart.test]")
    assert route(asked, f"a@{domain}") == Destination("relay", "smtp", domain, is_ours=True)


@pytest.mark.parametrize(
    ("domain", "transport"),
    [("inside.test", "relay"), ("sub.inside.test", "smtp"), ("a.dotted.test", "relay"), ("dotted.test", "smtp"), ("no.dotted.test", "smtp")],
)
def test_relay_domains_are_a_list_as_postfix_writes_it(domain: str, transport: str) -> None:
    asked = router(relay_domains=["inside.test", "!no.dotted.test", ".dotted.test"], parent_domain_matches_subdomains=[])
    assert way(asked, f"a@{domain}") == f"{transport}:{domain}"


@pytest.mark.parametrize(
    ("entry", "destination"),
    [
        ("smtp:[host.test]:26", "smtp:[host.test]:26"),
        ("relay:host.test", "relay:host.test"),
        ("smtp:", "smtp:x.test"),
        ("smtp", "smtp:x.test"),
        (":[host.test]", "smtp:[host.test]"),
        (":", "smtp:smart.test"),
        ("smtp:[a.test]:26, b.test", "smtp:[a.test]:26,b.test"),
        ("smtps:[host.test]", "smtps:[host.test]:465"),
        ("lmtp:inet:box.test:24", "lmtp:[box.test]:24"),
        ("lmtp:[box.test]", "lmtp:[box.test]"),
        ("lmtp:unix:/run/lmtp", "lmtp:[/run/lmtp]"),
        ("local:", str(MAILBOXES)),
        ("virtual:whatever", str(MAILBOXES)),
        ("slow:", "slow:x.test"),
        ("slow:[host.test]:587", "slow:[host.test]:587"),
    ],
)
def test_transport_entry_decides(entry: str, destination: str) -> None:
    assert way(by_table(entry, relayhost="smart.test", transports={"slow": {}}), "a@x.test") == destination


@pytest.mark.parametrize(("entry", "nexthop"), [("archive:", "x.test"), ("archive:any words, at all", "any words, at all")])
def test_pipe_gets_its_next_hop_as_written(entry: str, nexthop: str) -> None:
    asked = by_table(entry, transports={"archive": {"program": "pipe", "argv": ["/bin/archive"]}})
    assert route(asked, "a@x.test") == Destination("archive", "pipe", nexthop)


def test_transport_of_the_operators_may_speak_lmtp() -> None:
    asked = by_table("boxes:inet:box.test", transports={"boxes": {"program": "lmtp"}})
    assert route(asked, "a@x.test") == Destination("boxes", "lmtp", "box.test", is_literal=True)


@pytest.mark.parametrize(("entry", "reply"), [("discard:", "250 2.0.0 discarded"), ("discard:old list", "250 2.0.0 discarded old list")])
def test_discard_entry_takes_the_mail_away(entry: str, reply: str) -> None:
    answer = route(by_table(entry), "a@x.test")
    assert isinstance(answer, Discarded)
    assert str(answer.reply) == reply


def test_transport_table_applies_to_every_class() -> None:
    book = Book(domains={"example.test": "hosted", "inside.test": "relay [10.0.0.1]", "second.test": "backup"})
    asked = router(book, transport_maps=["inline:{ {inside.test = :[named.test]} {second.test = :[named.test]} {* = :[named.test]} }"])
    assert way(asked, "a@inside.test") == "relay:[named.test]"
    assert way(asked, "a@second.test") == "relay:[named.test]"
    assert way(asked, "alice@example.test") == "lmtp:[named.test]"
    assert way(asked, "a@elsewhere.test") == "smtp:[named.test]"


SENDERS: dict[str, Any] = {
    "relayhost": "[smart.test]:587",
    "sender_dependent_relayhost_maps": ["inline:{ {a@x.test = DUNNO} {b@x.test = [b.test], [b2.test]} {@x.test = [x.test]} {<> = [null.test]} }"],
    "sender_dependent_default_transport_maps": ["inline:{ {c@x.test = slow:} {d@x.test = slow:[d.test]} {e@x.test = dunno} {f@x.test = odd:} }"],
    "transports": {"slow": {}},
}


@pytest.mark.parametrize(
    ("sender", "destination"),
    [
        ("a@x.test", "smtp:[smart.test]:587"),
        ("b+ext@x.test", "smtp:[b.test],[b2.test]"),
        ("B@X.test", "smtp:[b.test],[b2.test]"),
        ("z@x.test", "smtp:[x.test]"),
        ("", "smtp:[null.test]"),
        ("c@x.test", "slow:[x.test]"),
        ("d@x.test", "slow:[d.test]"),
        ("e@x.test", "smtp:[x.test]"),
        ("q@q.test", "smtp:[smart.test]:587"),
    ],
)
def test_sender_decides_the_way_out(sender: str, destination: str) -> None:
    asked = router(**SENDERS)
    assert way(asked, "r@out.test", "somebody@else.test") == "smtp:[smart.test]:587"
    assert way(asked, "r@out.test", sender) == destination


def test_unknown_transport_of_a_sender_defers() -> None:
    with pytest.raises(LookupTrouble, match="no transport 'odd'"):
        route(router(**SENDERS), "r@out.test", "f@x.test")


@pytest.mark.parametrize(
    ("recipient", "is_on", "sender"),
    [("r@out.test", True, "a@x.test"), ("r@out.test", False, ""), ("r@mx.test", True, ""), ("r@inside.test", True, "")],
)
def test_sender_is_named_only_where_a_smarthost_may_ask_for_his_login(recipient: str, is_on: bool, sender: str) -> None:
    table = "inline:{ {mx.test = smtp:} {inside.test = smtp:[10.0.0.1]} }"
    asked = router(relayhost="[smart.test]", relay_domains=["inside.test"], transport_maps=[table], sender_dependent_authentication=is_on)
    answer = route(asked, recipient, "a@x.test")
    assert isinstance(answer, Destination)
    assert answer.sender == sender


def test_transport_says_by_itself_whether_the_login_depends_on_the_sender() -> None:
    asked = by_table("slow:[smart.test]", transports={"slow": {"sender_dependent_authentication": True}}, relayhost="[smart.test]")
    named, other = route(asked, "r@x.test", "a@x.test"), route(asked, "r@out.test", "a@x.test")
    assert isinstance(named, Destination) and isinstance(other, Destination)
    assert (named.sender, other.sender) == ("a@x.test", "")


@pytest.mark.parametrize(
    ("entry", "reply"),
    [
        ("error:5.1.2 no such domain", "550 5.1.2 no such domain"),
        ("error:moved away", "550 5.0.0 moved away"),
        ("error:", "550 5.0.0 Address is undeliverable"),
        ("retry:4.3.2 down today", "450 4.3.2 down today"),
        ("retry:5.1.1 wrong class", "450 4.0.0 5.1.1 wrong class"),
    ],
)
def test_error_and_retry_entries_refuse_with_their_words(entry: str, reply: str) -> None:
    answer = route(by_table(entry), "a@x.test")
    assert isinstance(answer, RouteRefused)
    assert str(answer.reply) == reply


@pytest.mark.parametrize("entry", ["host.test", "uucp:x", "smtp:[host", "smtp:h:99999", "smtp:h:", "smtp:a,[b", "lmtp:unix:run/lmtp"])
def test_entry_that_says_nothing_we_know_defers(entry: str) -> None:
    with pytest.raises(LookupTrouble, match=r"transport of a@x\.test: "):
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
    [
        {"relayhost": "[smart"},
        {"relayhost": "[a], [b"},
        {"mailbox_transport": "mda:24"},
        {"local_transport": "dovecot"},
        {"default_transport": "uucp:x"},
        {"transport_maps": ["nosuch:x"]},
    ],
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


def test_unknown_transport_is_named_with_its_line(tmp_path: Path) -> None:
    table = tmp_path / "transport"
    table.write_text("# slow ones\nx.test slow:[host.test]\n")
    with pytest.raises(LookupTrouble, match=rf"{table}:2: transport of a@x.test: there is no transport 'slow' here"):
        route(router(transport_maps=[f"hash:{table}"]), "a@x.test")


@pytest.mark.parametrize(
    ("recipient", "note"),
    [
        ("alice@example.test", Note.RELAYHOST_HOSTED),
        ("a@inside.test", Note.RELAYHOST_RELAY),
        ("a@second.test", Note.RELAYHOST_BACKUP),
        ("a@second.test", Note.SENDER_RELAYHOST_BACKUP),
        ("a@elsewhere.test", Note.RELAYHOST_SENDER),
        ("a@alias.test", Note.TRANSPORT_MAPS_ALIAS_DOMAIN),
    ],
)
def test_explanation_says_why_not(recipient: str, note: Note) -> None:
    book = Book(domains={"example.test": "hosted", "inside.test": "relay", "second.test": "backup"})
    relays: dict[str, Any] = {"relayhost": "[smart.test]", "sender_dependent_relayhost_maps": ["static:[other.test]"]}
    asked = router(book, "", virtual_alias_domains=["alias.test"], transport_maps=["inline:{x=y}"], **relays)
    told = asyncio.run(asked.explain(recipient, "bob@example.test", may_relay=True))
    assert Remark(recipient, note) in told.remarks


def test_route_of_a_virtual_alias_domain_is_an_unknown_user() -> None:
    asked = router(virtual_alias_domains=["alias.test"], transport_maps=["static:smtp:[named.test]"])
    assert way(asked, "a@alias.test") == "550 5.1.1 User unknown in virtual alias table"


def test_relocated_recipient_bounces_with_his_new_address() -> None:
    moved = "inline:{ {a@x.test = a@y.test} {@old.test = new.test} {alice = bob} }"
    asked = router(relocated_maps=[moved], transport_maps=["static:smtp:[named.test]"])
    assert way(asked, "a+ext@x.test") == "550 5.1.6 User has moved to a@y.test"
    assert way(asked, "any@old.test") == "550 5.1.6 User has moved to new.test"
    assert way(asked, "alice@mail.example.test") == "550 5.1.6 User has moved to bob"
    assert way(asked, "alice@example.test") == "smtp:[named.test]"


def test_user_of_this_host_goes_by_the_local_transport() -> None:
    asked = router(mydestination=["local.test"], local_transport="boxes:unix:/run/lmtp", transports={"boxes": {"program": "lmtp"}})
    assert way(asked, "a@local.test") == "boxes:[/run/lmtp]"
    assert way(asked, "a@mail.example.test") == "boxes:[/run/lmtp]"
    assert route(asked, "alice@example.test") == MAILBOXES


@pytest.mark.parametrize(("covers", "recipient", "host"), [(["transport_maps"], "a@sub.x.test", "one"), ([], "a@sub.x.test", "sub.x.test")])
def test_transport_entry_covers_subdomains_when_told_so(covers: list[str], recipient: str, host: str) -> None:
    answer = route(by_table("smtp:one", parent_domain_matches_subdomains=covers), recipient)
    assert isinstance(answer, Destination)
    assert answer.host == host


def test_null_client_sends_mail_for_its_own_name_to_the_smarthost() -> None:
    asked = router(Book(), mydestination=["!mail.example.test"], relayhost="[smart.test]")
    assert way(asked, "root@mail.example.test") == "smtp:[smart.test]"
