import pytest

from services.mda import trace


@pytest.mark.parametrize(
    ("orcpt", "original"),
    [
        ("", "alice@example.test"),
        ("rfc822;team@example.test", "team@example.test"),
        ("RFC822;Team@example.test", "Team@example.test"),
        ("utf-8;grün@example.test", "grün@example.test"),
        ("x400;/c=de", "alice@example.test"),
        ("rfc822;", "alice@example.test"),
        ("rfc822;a@b\r\nBcc: x@y", "a@bBcc: x@y"),
    ],
)
def test_original_recipient_is_what_the_sender_wrote(orcpt: str, original: str) -> None:
    assert trace.original_recipient("alice@example.test", orcpt) == original


def test_delivered_to_fields_are_found_in_any_case() -> None:
    head = b"DELIVERED-TO: Alice@Example.test\r\nX: y\r\nDelivered-To:bob@example.test\r\nX-Delivered-To: carol@example.test\r\n"
    assert trace.delivered_to(head) == {"alice@example.test", "bob@example.test"}
