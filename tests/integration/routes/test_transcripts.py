"""What was said in an attempt that failed is kept with the message and shown to the operator, without secrets."""

from collections.abc import Callable

from malleposte_lab.site import Site
from tests.integration.routes.conftest import Sent

Send = Callable[..., Sent]


def dialogues(routes: Site, message: Sent) -> list[dict[str, object]]:
    queue_id = message.events[-1]["queue_id"]
    found: list[dict[str, object]] = routes.events.wait_until(
        lambda: routes.malle_json("queue", "show", queue_id)["dialogues"], f"nothing was kept of the dialogues about {queue_id}"
    )
    return found


def test_dialogue_with_a_server_that_refused_is_shown(routes: Site, sent: Send) -> None:
    message = sent("one@plain.esmtp.test", "refuse-450@plain.esmtp.test")
    (said,) = dialogues(routes, message)
    lines = said["lines"]
    assert isinstance(lines, list)
    assert said["server"] == f"mx.plain.esmtp.test[{str(message.events[0]['remote']).split('[')[1]}"
    assert {"C: RCPT TO:<refuse-450@plain.esmtp.test>", "S: 450 4.0.0 scripted for refuse-450@plain.esmtp.test", "C: DATA"} <= set(lines)
    assert "hello" not in " ".join(lines[1:]).replace("EHLO", "")
    shown = routes.malle("queue", "show", message.events[1]["queue_id"])
    assert "    C: RCPT TO:<refuse-450@plain.esmtp.test>\n    S: 450 4.0.0 scripted" in shown


def test_dialogue_that_never_came_to_mail_is_shown(routes: Site, sent: Send) -> None:
    (said,) = dialogues(routes, sent("anyone@busy.trouble.test"))
    assert said["lines"] == ["S: 421 4.3.2 come back later"]


def test_server_that_cannot_be_reached_is_named(routes: Site, sent: Send) -> None:
    (said,) = dialogues(routes, sent("anyone@refused.test"))
    assert said["lines"] == ["-- Connection refused"]
