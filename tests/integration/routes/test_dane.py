"""DANE: servers with TLSA records in a signed zone, at the levels ``dane`` and ``dane-only``."""

from collections.abc import Callable

import pytest

from tests.integration.routes.conftest import Sent
from tests.integration.routes.test_tls_levels import CLEAR, NO_DANE, NOT_OFFERED, TRUSTED, UNTRUSTED, VERIFIED, Told, told

NOT_VERIFIED = "4.7.5 Server certificate not verified: "
NO_MATCH = ("deferred", "", f"{NOT_VERIFIED}no TLSA record matches")
WITH_RECORDS = {
    "ee.dane": VERIFIED,
    "ee-full.dane": VERIFIED,  # its certificate has expired, which does not matter (RFC 7672 section 3.1.1)
    "ee-wrong.dane": NO_MATCH,
    "two.dane": VERIFIED,
    "ta.dane": VERIFIED,
    "ta-key.dane": VERIFIED,
    "ta-full.dane": VERIFIED,
    "ta-wrong.dane": NO_MATCH,
    "ta-wrongname.dane": ("deferred", "", f"{NOT_VERIFIED}it is for mx.somewhere-else.test, not for mx.ta-wrongname.dane.test"),
    "ta-expired.dane": ("deferred", "", f"{NOT_VERIFIED}certificate has expired"),
    "notls.dane": NOT_OFFERED,
    "servfail.dane": ("deferred", "", "4.7.5 TLSA lookup error for _25._tcp.mx.servfail.dane.test"),
    "bogus": ("deferred", "", "4.4.3 MX of bogus.test cannot be looked up"),
    "both.sts": VERIFIED,  # DANE goes before a policy of MTA-STS, which would not have the certificate
}


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        # an unsigned zone's TLSA record is wrong on purpose: who heeds it delivers nothing
        ("dane", {**WITH_RECORDS, "unusable.dane": UNTRUSTED, "absent.dane": UNTRUSTED, "insecure": TRUSTED, "secure-mx.insecure": UNTRUSTED}),
        ("dane-only", {**WITH_RECORDS, "unusable.dane": NO_DANE, "absent.dane": NO_DANE, "insecure": NO_DANE, "secure-mx.insecure": NO_DANE}),
        ("none", {"ee-wrong.dane": CLEAR, "notls.dane": CLEAR}),
    ],
)
def test_level_against_each_kind_of_record(sent: Callable[..., Sent], level: str, expected: dict[str, Told]) -> None:
    message = sent(*(f"x@{level}.{name}.test" for name in expected))
    assert {name: told(event, expected[name]) for name, event in zip(expected, message.events, strict=True)} == expected
