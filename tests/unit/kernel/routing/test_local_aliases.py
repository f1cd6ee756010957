"""Aliases of the users of this host."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.kernel.routing import Accepted, LookupTrouble, Note, Remark, Router, Unknown
from tests.unit.kernel.routing.site import Book, router

TEXT = r"""
root: ann
staff: ann, bob@out.test, :include:{folder}/more
ann: \ann, ann@phone.test
list: ann@one.test, bob@two.test, sublist
owner-list: root
sublist: carol@three.test
mixed: ann@one.test, list
shell: "|run"
loop: pool
pool: loop
ext: e@out.test
ext+exact: exact@out.test
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "aliases").write_text(TEXT.replace("{folder}", str(tmp_path)))
    (tmp_path / "more").write_text("carol@out.test\n")
    return tmp_path


def site(folder: Path, **settings: Any) -> Router:
    book = Book(accounts={"ann@mail.example.test": True, "alice@example.test": True})
    return router(book, mydestination=["local.test"], alias_maps=[f"hash:{folder}/aliases"], **settings)


def accept(asked: Router, recipient: str) -> Accepted:
    answer = asyncio.run(asked.accept(recipient))
    assert isinstance(answer, Accepted), answer
    return answer


@pytest.mark.parametrize(
    ("recipient", "final"),
    [
        ("root@local.test", ["ann@mail.example.test", "ann@phone.test"]),
        ("Root@mail.example.test", ["ann@mail.example.test", "ann@phone.test"]),
        ("staff@local.test", ["ann@mail.example.test", "ann@phone.test", "bob@out.test", "carol@out.test"]),
        ("ext+other@local.test", ["e@out.test"]),
        ("ext+exact@local.test", ["exact@out.test"]),
    ],
)
def test_user_of_this_host_is_who_his_alias_names(folder: Path, recipient: str, final: list[str]) -> None:
    assert sorted(accept(site(folder), recipient).final) == sorted(final)


def test_extension_goes_along_when_told_so(folder: Path) -> None:
    assert accept(site(folder, propagate_unmatched_extensions=["alias"]), "ext+more@local.test").final == ("e+more@out.test",)


def test_alias_maps_are_for_users_of_this_host_only(folder: Path) -> None:
    asked = site(folder)
    assert isinstance(asyncio.run(asked.accept("root@example.test")), Unknown)
    told = asyncio.run(asked.explain("root@example.test", "", may_relay=True))
    assert Remark("root@example.test", Note.ALIAS_MAPS_NOT_LOCAL) in told.remarks


def test_mail_of_a_list_with_an_owner_gets_the_owner_as_sender(folder: Path) -> None:
    answer = accept(site(folder), "list@local.test")
    owner = "owner-list@mail.example.test"
    assert answer.owners == (("ann@one.test", owner), ("bob@two.test", owner), ("carol@three.test", owner))
    assert accept(site(folder), "sublist@local.test").owners == ()


def test_only_members_by_the_list_get_its_owner(folder: Path) -> None:
    answer = accept(site(folder), "mixed@local.test")
    assert answer.final == ("ann@one.test", "bob@two.test", "carol@three.test")
    assert [address for address, _ in answer.owners] == ["bob@two.test", "carol@three.test"]


@pytest.mark.parametrize(("name", "words"), [("shell", "aliases:9: a command is no target here"), ("loop", "lead only to each other")])
def test_alias_that_cannot_be_followed_is_temporary_trouble(folder: Path, name: str, words: str) -> None:
    with pytest.raises(LookupTrouble, match=words):
        asyncio.run(site(folder).accept(f"{name}@local.test"))


def test_include_in_another_type_of_table_is_trouble() -> None:
    asked = router(alias_maps=["inline:{ staff=:include:more }"])
    with pytest.raises(LookupTrouble, match=":include: is for files of aliases"):
        asyncio.run(asked.accept("staff@mail.example.test"))


def test_alias_of_a_table_of_another_type_works_too() -> None:
    asked = router(alias_maps=["inline:{ {staff = alice@example.test, x@out.test} }"])
    assert accept(asked, "staff@mail.example.test").final == ("alice@example.test", "x@out.test")
