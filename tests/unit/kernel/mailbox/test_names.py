import pytest

from services.kernel.mailbox import names
from services.kernel.mailbox.trouble import BadFolderName


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("Sent", "Sent"),
        ("Entwürfe", "Entw&APw-rfe"),
        ("R&D", "R&-D"),
        ("~peter.mail.台北.日本語", "~peter.mail.&U,BTFw-.&ZeVnLIqe-"),
        ("😀", "&2D3eAA-"),
    ],
)
def test_name_is_written_in_modified_utf7_and_read_back(name: str, encoded: str) -> None:
    assert names.encode(name) == encoded
    assert names.decode(encoded) == name


@pytest.mark.parametrize("text", ["&", "&AG", "&AGE-", "&2D0-", "Entw&APw", "ü", "&APw-&APw-", "&A-", "&U,BTFx=-"])
def test_text_that_encoding_never_makes_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        names.decode(text)


@pytest.mark.parametrize("name", ["", ".", "a.", ".a", "a..b", "a/b", "a\0b", "a\nb", "x" * 241, "ü" * 100, "\ud800"])
def test_name_that_no_folder_may_have_is_refused(name: str) -> None:
    with pytest.raises(BadFolderName):
        names.check(name)


@pytest.mark.parametrize(("name", "normal"), [("inbox", "INBOX"), ("Inbox.x", "INBOX.x"), ("Inboxes", "Inboxes"), ("a.inbox", "a.inbox")])
def test_inbox_has_one_name_in_any_case(name: str, normal: str) -> None:
    assert names.check(name) == normal


@pytest.mark.parametrize(
    ("entry", "name"),
    [(".Sent", "Sent"), (".Entw&APw-rfe", "Entwürfe"), ("cur", None), (".", None), ("..", None), (".INBOX", None), (".Entwürfe", None)],
)
def test_directory_is_a_folder_only_under_the_name_we_would_give_it(entry: str, name: str | None) -> None:
    assert names.from_directory(entry) == name
