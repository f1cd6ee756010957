"""Who may come in, and whom a recipient stands for."""

import asyncio
from typing import Any

import pytest

from services.kernel.mail.domainclass import DomainClass
from services.kernel.routing import Acceptance, Accepted, LookupTrouble, NotOurs, Router, Unknown
from tests.unit.kernel.routing.site import Book, router


def accept(asked: Router, recipient: str, *, may_relay: bool = False) -> Acceptance:
    return asyncio.run(asked.accept(recipient, may_relay=may_relay))


def final(asked: Router, recipient: str) -> tuple[str, ...]:
    answer = accept(asked, recipient)
    assert isinstance(answer, Accepted), answer
    return answer.final


@pytest.mark.parametrize("recipient", ["alice@example.test", "ALICE@Example.TEST", "alice+lists@example.test", "alice+a+b@example.test"])
def test_mailbox_is_accepted_as_written(recipient: str) -> None:
    assert accept(router(), recipient) == Accepted((recipient,), DomainClass.HOSTED)


@pytest.mark.parametrize("local", ["victim%elsewhere.test", "elsewhere.test!victim", '"victim@elsewhere.test"'])
@pytest.mark.parametrize("domain", ["inside.test", "second.test", "example.test"])
def test_stranger_cannot_send_on_by_a_local_part_that_is_an_address(local: str, domain: str) -> None:
    book = Book(domains={"inside.test": "relay", "second.test": "backup", "example.test": "hosted"}, aliases={"@example.test": ("@away.test",)})
    assert isinstance(accept(router(book), f"{local}@{domain}"), NotOurs)
    assert isinstance(accept(router(book), f"{local}@{domain}", may_relay=True), Accepted)


def test_mailbox_may_have_a_percent_sign() -> None:
    assert final(router(Book(accounts={"5%off@example.test": True})), "5%off@example.test") == ("5%off@example.test",)


@pytest.mark.parametrize("kind", ["virtual_alias", "virtual_mailbox"])
@pytest.mark.parametrize("table", ["static:alice@example.test", "regexp:{ {/./ alice@example.test} }", "pcre:{ {/^(.*)$/ $1} }"])
def test_table_of_addresses_that_fits_everything_names_no_domains(kind: str, table: str) -> None:
    maps: dict[str, Any] = {f"{kind}_maps": [table]}
    domains: dict[str, Any] = {f"{kind}_domains": [table]}
    assert isinstance(accept(router(**maps), "a@elsewhere.test"), NotOurs)
    assert not isinstance(accept(router(**maps, **domains), "a@elsewhere.test"), NotOurs)


def test_pattern_may_name_a_virtual_alias_domain() -> None:
    asked = router(virtual_alias_maps=["regexp:{ {/^more[.]test$/ domain} {/@more[.]test$/ alice@example.test} }"])
    assert final(asked, "a@more.test") == ("alice@example.test",)
    assert isinstance(accept(asked, "a@less.test"), NotOurs)


@pytest.mark.parametrize("written", ["a@second.test.", "a@SECOND.test."])
def test_dot_at_the_end_of_an_aliases_target_goes(written: str) -> None:
    book = Book(domains={"example.test": "hosted", "second.test": "backup"}, aliases={"lists@example.test": (written,)})
    assert final(router(book, relayhost="[smart.test]"), "lists@example.test") == (written.removesuffix("."),)


def test_unknown_user_of_a_hosted_domain_is_refused_with_5_1_1() -> None:
    answer = accept(router(), "nobody@example.test")
    assert isinstance(answer, Unknown)
    assert str(answer.reply) == "550 5.1.1 no such user here"


def test_disabled_mailbox_is_refused_with_5_2_1() -> None:
    answer = accept(router(Book(accounts={"alice@example.test": False})), "alice@example.test")
    assert isinstance(answer, Unknown)
    assert answer.reply.enhanced == "5.2.1"


@pytest.mark.parametrize("recipient", ["a@elsewhere.test", "a@[192.0.2.1]", "a@sub.example.test", "postmaster@elsewhere.test"])
def test_foreign_domain_is_not_ours(recipient: str) -> None:
    answer = accept(router(), recipient)
    assert isinstance(answer, NotOurs)
    assert str(answer.reply) == "550 5.7.1 relaying denied"


def test_foreign_domain_is_accepted_from_who_may_relay() -> None:
    answer = accept(router(), "Carol@Elsewhere.test", may_relay=True)
    assert answer == Accepted(("Carol@Elsewhere.test",), DomainClass.REMOTE)


@pytest.mark.parametrize("domain_class", ["relay", "backup"])
def test_passed_on_domain_takes_every_recipient(domain_class: str) -> None:
    book = Book(domains={"inside.test": domain_class})
    assert accept(router(book), "anyone@inside.test") == Accepted(("anyone@inside.test",), DomainClass(domain_class))


def test_relay_recipient_map_names_the_recipients_of_passed_on_domains() -> None:
    asked = router(relay_domains=["inside.test"], relay_recipient_maps=["inline:{ known@inside.test=x @all.inside.test=x }"])
    assert isinstance(accept(asked, "known+ext@inside.test"), Accepted)
    assert isinstance(accept(asked, "any@all.inside.test"), Accepted)
    assert isinstance(accept(asked, "unknown@inside.test"), Unknown)


@pytest.mark.parametrize("recipient", ["postmaster@example.test", "Postmaster@EXAMPLE.test", "postmaster@mail.example.test", "postmaster"])
def test_postmaster_goes_to_the_sites_postmaster(recipient: str) -> None:
    assert final(router(postmaster="alice@example.test"), recipient) == ("alice@example.test",)


def test_postmaster_with_a_mailbox_of_its_own_gets_its_mail() -> None:
    book = Book(accounts={"postmaster@example.test": True})
    assert final(router(book, postmaster="alice@example.test"), "postmaster@example.test") == ("postmaster@example.test",)


def test_alias_expands_through_aliases_each_target_once_in_order() -> None:
    book = Book(
        aliases={
            "team@example.test": ("bob@example.test", "staff@example.test", "carol@elsewhere.test"),
            "staff@example.test": ("alice@example.test", "Bob@example.test", "team@example.test"),
        }
    )
    assert final(router(book), "Team@example.test") == ("bob@example.test", "alice@example.test", "carol@elsewhere.test")


def test_alias_that_names_itself_keeps_the_mailbox() -> None:
    book = Book(aliases={"alice@example.test": ("alice@example.test", "bob@example.test")})
    assert final(router(book), "alice@example.test") == ("alice@example.test", "bob@example.test")


def test_aliases_that_lead_only_to_each_other_are_temporary_trouble() -> None:
    book = Book(aliases={"a@example.test": ("b@example.test",), "b@example.test": ("a@example.test",)})
    with pytest.raises(LookupTrouble, match="lead only to each other"):
        accept(router(book), "a@example.test")


def test_unknown_target_is_queued_with_the_known_ones() -> None:
    book = Book(aliases={"team@example.test": ("gone@example.test", "bob@example.test")})
    assert final(router(book), "team@example.test") == ("gone@example.test", "bob@example.test")


def test_alias_with_unknown_targets_only_is_an_unknown_user() -> None:
    book = Book(aliases={"team@example.test": ("gone@example.test",)})
    assert isinstance(accept(router(book), "team@example.test"), Unknown)


def test_unmatched_extension_goes_with_the_target() -> None:
    book = Book(aliases={"team@example.test": ("alice@example.test",), "team+own@example.test": ("bob@example.test",)})
    assert final(router(book), "team+news@example.test") == ("alice+news@example.test",)
    assert final(router(book), "team+own@example.test") == ("bob@example.test",)


def test_catch_all_of_the_directory_takes_what_has_no_mailbox() -> None:
    book = Book(aliases={"@example.test": ("bob@example.test",)})
    assert final(router(book), "whoever@example.test") == ("bob@example.test",)
    assert final(router(book), "alice+x@example.test") == ("alice+x@example.test",)


def test_catch_all_of_a_table_takes_everything_as_in_postfix() -> None:
    asked = router(virtual_alias_maps=["inline:{ @example.test=bob@example.test, bob@example.test=bob@example.test }"])
    assert final(asked, "alice@example.test") == ("bob@example.test",)


def test_alias_domain_is_the_same_users_elsewhere() -> None:
    book = Book(domains={"example.test": "hosted", "example.alias": "alias example.test"})
    assert final(router(book), "alice+x@example.alias") == ("alice+x@example.test",)
    assert isinstance(accept(router(book), "nobody@example.alias"), Unknown)


def test_target_with_a_domain_alone_keeps_the_local_part() -> None:
    asked = router(Book(domains={"old.test": "hosted", "example.test": "hosted"}), virtual_alias_maps=["inline:{ @old.test=@example.test }"])
    assert final(asked, "Alice@old.test") == ("Alice@example.test",)


def test_target_without_a_domain_is_of_this_host() -> None:
    book = Book(accounts={"root@mail.example.test": True})
    asked = router(book, virtual_alias_maps=["inline:{ ops@example.test=root }"])
    assert final(asked, "ops@example.test") == ("root@mail.example.test",)


def test_pattern_table_sees_the_whole_address_only() -> None:
    assert final(router(virtual_alias_maps=["static:bob@example.test bob@example.test"]), "x@example.test") == ("bob@example.test",)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"virtual_alias_expansion_limit": 3}, "more than 3 addresses"), ({"virtual_alias_recursion_limit": 3}, "nested more than 3 deep")],
)
def test_expansion_beyond_a_limit_is_temporary_trouble(settings: dict[str, Any], words: str) -> None:
    wide: dict[str, tuple[str, ...]] = {"a0@example.test": tuple(f"user{n}@elsewhere.test" for n in range(4))}
    deep: dict[str, tuple[str, ...]] = {f"a{n}@example.test": (f"a{n + 1}@example.test",) for n in range(9)}
    book = Book(aliases=wide if "virtual_alias_expansion_limit" in settings else deep)
    with pytest.raises(LookupTrouble, match=words):
        accept(router(book, **settings), "a0@example.test")


def test_broken_directory_is_temporary_trouble_and_never_a_refusal() -> None:
    with pytest.raises(LookupTrouble):
        accept(router(Book(is_broken=True)), "alice@example.test")


def test_missing_table_is_temporary_trouble_and_never_a_refusal() -> None:
    with pytest.raises(LookupTrouble, match="gone"):
        accept(router(virtual_alias_maps=["hash:/nonexistent/gone"]), "alice@example.test")


def test_answer_is_remembered_until_the_directory_changes() -> None:
    book = Book()
    asked = router(book)
    assert isinstance(accept(asked, "carol@example.test"), Unknown)
    asked_once = book.questions
    assert isinstance(accept(asked, "carol@example.test"), Unknown)
    assert book.questions == asked_once
    book.accounts["carol@example.test"] = True
    book.changes += 1
    assert isinstance(accept(asked, "carol@example.test"), Accepted)


def test_alias_whose_extension_grows_at_each_turn_is_temporary_trouble() -> None:
    book = Book(aliases={"a@example.test": ("a+longer@example.test", "a+wider@example.test")})
    with pytest.raises(LookupTrouble):
        accept(router(book), "a@example.test")


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        ("gone@example.test", "550 5.1.6 User has moved to new@elsewhere.test"),
        ("a@closed.test", "550 5.1.2 closed"),
        ("a@down.test", "450 4.3.2 down today"),
        ("x@alias.test", "550 5.1.1 User unknown in virtual alias table"),
    ],
)
def test_recipient_whom_the_tables_refuse_is_refused_when_named(recipient: str, reply: str) -> None:
    asked = router(
        virtual_alias_maps=["inline:{ {alias.test = yes} {known@alias.test = alice@example.test} }"],
        relocated_maps=["inline:{ gone@example.test=new@elsewhere.test }"],
        transport_maps=["inline:{ {closed.test = error:5.1.2 closed} {down.test = retry:4.3.2 down today} }"],
    )
    answer = accept(asked, recipient, may_relay=True)
    assert isinstance(answer, Unknown)
    assert str(answer.reply) == reply


def test_domain_with_an_entry_of_its_own_among_the_aliases_is_ours() -> None:
    asked = router(virtual_alias_maps=["inline:{ {alias.test = yes} {known@alias.test = alice@example.test} }"])
    assert final(asked, "known@alias.test") == ("alice@example.test",)
    assert isinstance(accept(asked, "a@sub.alias.test"), NotOurs)


def test_mailbox_elsewhere_is_a_recipient_of_a_mailbox_domain() -> None:
    asked = router(virtual_mailbox_domains=["boxes.test"], virtual_mailbox_maps=["inline:{ a@boxes.test=x @all.test=x bob2@example.test=x }"])
    assert final(asked, "a+ext@boxes.test") == ("a+ext@boxes.test",)
    assert final(asked, "bob2@example.test") == ("bob2@example.test",)
    assert isinstance(accept(asked, "b@boxes.test"), Unknown)


def test_local_recipient_map_knows_users_by_name_alone() -> None:
    asked = router(mydestination=["local.test"], local_recipient_maps=["inline:{ root=x @far.test=x }"])
    assert final(asked, "root+ext@local.test") == ("root+ext@local.test",)
    assert final(asked, "root@mail.example.test") == ("root@mail.example.test",)
    assert isinstance(accept(asked, "root@example.test"), Unknown)


def test_name_alone_is_an_alias_in_domains_of_this_host() -> None:
    asked = router(mydestination=["local.test"], myorigin="origin.test", virtual_alias_maps=["inline:{ ops=alice@example.test other=alice }"])
    assert final(asked, "ops+x@local.test") == ("alice+x@example.test",)
    assert final(asked, "other@mail.example.test") == ("alice@origin.test",)
    assert isinstance(accept(asked, "ops@example.test"), Unknown)


@pytest.mark.parametrize("recipient", ["alice+x@example.test", "alice-x@example.test", "alice-x+y@example.test"])
def test_delimiter_may_be_one_of_several_characters(recipient: str) -> None:
    asked = router(delimiter="+-", virtual_alias_maps=["inline:{ alice@example.test=bob@example.test }"])
    assert final(asked, recipient) == (f"bob{recipient[5:].partition('@')[0]}@example.test",)
