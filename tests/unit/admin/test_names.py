"""What the operator may type."""

import pytest

from services.admin.names import DirectoryError, check_address, check_domain, check_source, check_target, format_size, parse_size
from services.kernel.mail.domainclass import Domain, DomainClass


@pytest.mark.parametrize(("text", "size"), [("0", 0), ("2048", 2048), ("2K", 2048), ("1.5g", 3 << 29), ("500 MB", 500 << 20), ("1TiB", 1 << 40)])
def test_size_is_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1", "1X", "1GG", "a1G"])
def test_text_that_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(DirectoryError, match="is no size"):
        parse_size(text)


@pytest.mark.parametrize(("size", "text"), [(0, "0"), (1023, "1023"), (2048, "2K"), (1600, "1.6K"), (3 << 29, "1.5G"), (5000 << 40, "5000T")])
def test_size_is_written(size: int, text: str) -> None:
    assert format_size(size) == text


def test_address_of_a_mailbox_is_folded() -> None:
    assert check_address("Alice@Example.TEST", "+") == "alice@example.test"


@pytest.mark.parametrize("address", ["alice", "@example.test", "a b@example.test", "alice@", "alice+x@example.test", "a@[192.0.2.1]", "a@-.test"])
def test_address_that_can_be_no_mailbox_is_refused(address: str) -> None:
    with pytest.raises(DirectoryError):
        check_address(address, "+")


def test_target_may_have_an_extension_and_keeps_its_case() -> None:
    assert check_target("Alice+Lists@example.test") == "Alice+Lists@example.test"


def test_source_may_be_a_whole_domain() -> None:
    assert check_source("@Example.test") == "@example.test"


@pytest.mark.parametrize(
    "domain",
    [
        Domain("not a domain", DomainClass.HOSTED),
        Domain("a.test", DomainClass.HOSTED, "b.test"),
        Domain("a.test", DomainClass.ALIAS),
        Domain("a.test", DomainClass.ALIAS, "A.test"),
        Domain("a.test", DomainClass.RELAY, "[host"),
    ],
)
def test_domain_that_makes_no_sense_is_refused(domain: Domain) -> None:
    with pytest.raises(DirectoryError):
        check_domain(domain)
