"""What the operator may type."""

import pytest

from services.admin.names import check_address, check_domain, check_source, check_target
from services.admin.trouble import DirectoryError
from services.kernel.mail.domainclass import Domain, DomainClass


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
