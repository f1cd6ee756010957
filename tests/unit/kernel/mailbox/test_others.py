"""Names of other users' folders."""

import pytest

from services.kernel.mailbox import others
from services.kernel.mailbox.trouble import BadFolderName


@pytest.mark.parametrize(
    ("name", "owner", "folder"),
    [
        ("user/alice@example.test/INBOX", "alice@example.test", "INBOX"),
        ("user/alice@example.test/inbox", "alice@example.test", "INBOX"),
        ("user/Alice@Example.Test/Archive/2026", "alice@example.test", "Archive.2026"),
        ("user/a.b+c@example.test/Übung", "a.b+c@example.test", "Übung"),
    ],
)
def test_name_is_split_into_owner_and_folder(name: str, owner: str, folder: str) -> None:
    assert others.split(name) == (owner, folder)
    assert others.split(others.join(owner, folder)) == (owner, folder)


@pytest.mark.parametrize(
    "name",
    [
        "user/",
        "user/alice@example.test",
        "user/alice@example.test/",
        "user/alice/INBOX",
        "user/@example.test/INBOX",
        "user/alice@/INBOX",
        "user//INBOX",
        "user/alice@example.test//x",
        "user/alice@example.test/../bob@example.test/INBOX",
        "user/../example.test/INBOX",
        "user/a%@example.test/INBOX",
        "user/alice@example.test/Archive.2026",
        "user/alice@example.test/x\x01",
        "user/alice@example.test/" + "x" * 300,
    ],
)
def test_no_folder_can_have_such_a_name(name: str) -> None:
    with pytest.raises(BadFolderName):
        others.split(name)


def test_levels_above_a_folder() -> None:
    assert others.parents("user/a@b.test/X/Y") == ["user/", "user/a@b.test", "user/a@b.test/X"]
