"""The state of one request."""

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Remote
from services.kernel.mail.reply import Reply
from services.kernel.wire.delivery import DeliveryRequest, NextHop, Protocol
from services.relay import trouble as policy
from services.relay.attempt import Attempt
from services.relay.trouble import Scope

SOFT = policy.local(Scope.SITE, "4.4.1", "refused")
LATER = policy.local(Scope.SITE, "4.4.2", "lost")
HARD = policy.local(Scope.RECIPIENT, "5.1.1", "who")
MX = Remote("mx.test")


def attempt(recipients: int) -> Attempt:
    named = [Recipient("x@d.test", "x@d.test")] * recipients
    return Attempt(DeliveryRequest("Q", "T", "", NextHop(Protocol.SMTP, "d.test"), list(range(recipients)), named, 1))


def test_outcomes_are_in_the_order_of_the_request() -> None:
    made = attempt(3)
    made.meet([2], HARD, MX)
    made.meet([1], SOFT, MX)
    made.deliver(0, Delivered(Reply(250, "2.0.0", "ok"), MX, dsn_passed_on=True))
    made.settle()
    assert [type(outcome) for outcome in made.response().outcomes] == [Delivered, Deferred, Bounced]


def test_soft_trouble_leaves_a_recipient_open_for_the_next_host() -> None:
    made = attempt(1)
    made.meet([0], SOFT, MX)
    assert (made.open, made.is_settled, made.has_met_trouble) == ([0], False, True)


def test_last_trouble_is_the_one_that_is_told() -> None:
    made = attempt(1)
    made.meet([0], SOFT, MX)
    made.meet([0], LATER, Remote("mx2.test"))
    made.settle()
    assert made.response().outcomes == [Deferred(LATER.reply, Remote("mx2.test"), site=True)]


def test_recipient_for_whom_no_host_was_tried_is_deferred() -> None:
    made = attempt(1)
    made.settle()
    (outcome,) = made.response().outcomes
    assert isinstance(outcome, Deferred)
    assert not outcome.site
