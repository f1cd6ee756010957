"""Domain names and address literals."""

from ipaddress import ip_address

import pytest

from services.kernel.mail.domain import is_domain, is_domain_or_literal, literal_address, to_ascii, to_literal


@pytest.mark.parametrize("name", ["a", "example.test", "x-y.example.test", "1.2.3.4", "_dmarc.example.test", "xn--bcher-kva.test", "bücher.test"])
def test_a_domain_is_one(name: str) -> None:
    assert is_domain(name)


@pytest.mark.parametrize("name", ["", ".", "a.", ".a", "a..b", "-a", "a-", "a b", "a@b", "a\n", "[1.2.3.4]", "x" * 64, "ü" * 64, "x." * 130 + "x"])
def test_what_is_no_domain_is_not(name: str) -> None:
    assert not is_domain(name)


@pytest.mark.parametrize(("text", "address"), [("[192.0.2.1]", "192.0.2.1"), ("[IPv6:2001:db8::1]", "2001:db8::1"), ("[ipv6:::1]", "::1")])
def test_an_address_literal_holds_an_address(text: str, address: str) -> None:
    assert literal_address(text) == ip_address(address)
    assert is_domain_or_literal(text)


@pytest.mark.parametrize("text", ["192.0.2.1", "[192.0.2.1", "[192.0.2]", "[2001:db8::1]", "[IPv6:192.0.2.1]", "[IPv6:fe80::1%1]", "[]", "[x]"])
def test_other_things_in_brackets_do_not(text: str) -> None:
    assert literal_address(text) is None


def test_an_address_becomes_a_literal_and_a_name_its_ascii_form() -> None:
    assert to_literal("192.0.2.1") == "[192.0.2.1]"
    assert to_literal("2001:db8::1") == "[IPv6:2001:db8::1]"
    assert to_ascii("bücher.test") == "xn--bcher-kva.test"
