"""ESMTP parameters, xtext and ORCPT."""

import pytest

from services.kernel.mail.parameters import (
    ParameterError,
    decode_orcpt,
    decode_xtext,
    encode_orcpt,
    encode_xtext,
    parse_parameters,
)


def test_parameters_are_found_by_name() -> None:
    assert parse_parameters("size=100 SMTPUTF8  Body=8bitmime") == {"SIZE": "100", "SMTPUTF8": None, "BODY": "8bitmime"}


@pytest.mark.parametrize("text", ["=1", "SIZE=", "SIZE=1=2", "SIZE=1 size=2", "A_B=1", "-A=1", "A=\x07"])
def test_malformed_parameters_are_refused(text: str) -> None:
    with pytest.raises(ParameterError):
        parse_parameters(text)


def test_xtext_there_and_back() -> None:
    assert encode_xtext("a+b=c d") == "a+2Bb+3Dc+20d"
    assert decode_xtext("a+2Bb+3Dc+20d") == "a+b=c d"


@pytest.mark.parametrize("text", ["+", "+2", "+2b", "a=b", "a b", "+0D+0A", "+00", "+FF", "ø"])
def test_xtext_that_is_none_or_hides_something_is_refused(text: str) -> None:
    with pytest.raises(ParameterError):
        decode_xtext(text)


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [("rfc822;a+2Bb@c", "rfc822;a+b@c"), ("utf-8;j\\x{F8}rgen@c", "utf-8;jørgen@c"), ("utf-8;jørgen@c", "utf-8;jørgen@c")],
)
def test_orcpt_is_decoded_by_its_type(encoded: str, decoded: str) -> None:
    assert decode_orcpt(encoded) == decoded
    assert decode_orcpt(encode_orcpt(decoded)) == decoded
    assert decode_orcpt(encode_orcpt(decoded, is_utf8=True)) == decoded


@pytest.mark.parametrize(
    "text",
    ["", "rfc822", "rfc822;", ";a@b", "r f;a", "rfc822;a+0Ab", "utf-8;\\x{0A}", "utf-8;\\x{D800}", "utf-8;\\x{FFFFFF}", "rfc822;" + "x" * 500],
)
def test_malformed_orcpt_is_refused(text: str) -> None:
    with pytest.raises(ParameterError):
        decode_orcpt(text)
