"""MTA-STS: domains with a policy, at the level ``may`` that everybody has."""

from collections.abc import Callable

from malleposte_lab.events import Event
from malleposte_lab.site import Site
from tests.integration.routes.conftest import Sent
from tests.integration.routes.test_tls_levels import CLEAR, NOT_OFFERED, SELF_SIGNED, UNTRUSTED, VERIFIED, WRONG_NAME, told

EXPECTED = {
    "enforce": VERIFIED,
    "enforce-wrongname": WRONG_NAME,
    "enforce-selfsigned": SELF_SIGNED,
    "enforce-notls": NOT_OFFERED,
    "enforce-othermx": ("deferred", "", "4.7.5 mx.enforce-othermx.sts.test is not among the hosts of the MTA-STS policy of enforce-othermx.sts.test"),
    "testing": UNTRUSTED,
    "testing-notls": CLEAR,
    # the policy's own web server is not to be trusted, so there is no policy
    "badpolicy": UNTRUSTED,
    # a way out that the operator named is his affair
    "smarthost.enforce-selfsigned": UNTRUSTED,
}


def test_policies_of_recipient_domains(sent: Callable[..., Sent]) -> None:
    message = sent(*(f"x@{name}.sts.test" for name in EXPECTED))
    assert {name: told(event, EXPECTED[name]) for name, event in zip(EXPECTED, message.events, strict=True)} == EXPECTED


def test_policy_is_asked_for_once_and_its_server_named(routes: Site, sent: Callable[..., Sent], taken: Callable[..., Event]) -> None:
    for _ in range(2):
        message = sent("x@enforce.sts.test")
        assert told(message.event, VERIFIED) == VERIFIED
    assert taken("enforce.sts", message)["sni"] == "mx.enforce.sts.test"
    assert len(routes.events.matching(kind="policy_asked", peer="mta-sts.enforce.sts.test")) == 1
