"""The operator's hands in the queue: list, show, cat, hold, release, requeue, delete, flush, stat."""

from collections.abc import Callable

import pytest

from malleposte_lab import history
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD


@pytest.fixture
def waiting(site: Site, account: Callable[..., str], key: str) -> tuple[str, str]:
    """A deferred message: its queue id and its recipient, who is taken at the second attempt."""
    alice, target = account("alice"), f"first-451-1-{key}@sink.test"
    with site.submission(alice, PASSWORD) as client:
        client.sendmail(alice, [target], history.message(key, alice, [target], b"hello\r\n"))
    event = site.events.wait(kind="deferred", recipient=target)
    return event["queue_id"], target


def test_list_finds_a_message_by_each_filter(site: Site, waiting: tuple[str, str]) -> None:
    queue_id, target = waiting
    for words in (["--to", target], ["--reason", "scripted", "--to", target], ["--state", "deferred", "--to", target]):
        (line,) = site.malle("queue", "list", *words).splitlines()[-1:]
        assert queue_id in line
    (entry,) = site.malle_json("queue", "list", "--to", target)
    assert entry["queue_id"] == queue_id and entry["state"] == "deferred"


def test_show_and_cat_print_envelope_and_content(site: Site, waiting: tuple[str, str], key: str) -> None:
    queue_id, target = waiting
    assert target in site.malle("queue", "show", queue_id)
    assert f"Subject: {key}" in site.malle("queue", "cat", queue_id)


def test_held_message_stays_until_it_is_released(site: Site, waiting: tuple[str, str]) -> None:
    queue_id, target = waiting
    site.malle("queue", "hold", queue_id)
    site.malle("queue", "flush")
    (entry,) = site.malle_json("queue", "list", "--to", target)
    assert entry["state"] == "hold"
    site.malle("queue", "release", queue_id)
    site.events.wait(kind="delivered", recipient=target)


def test_requeued_message_is_delivered(site: Site, waiting: tuple[str, str]) -> None:
    queue_id, target = waiting
    site.malle("queue", "requeue", queue_id)
    site.events.wait(kind="delivered", recipient=target)


def test_deleted_message_is_gone_and_nobody_is_told(site: Site, waiting: tuple[str, str]) -> None:
    queue_id, target = waiting
    site.malle("queue", "delete", queue_id)
    site.events.wait(kind="deleted", queue_id=queue_id)
    assert site.malle_json("queue", "list", "--to", target) == []
    assert site.events.matching(kind="reported", caused_by=queue_id) == []


def test_unknown_queue_id_is_a_clear_error(site: Site) -> None:
    done = site.try_malle("queue", "show", "0123456789BCDF")
    assert done.status != 0 and b"0123456789BCDF" in done.err and b"Traceback" not in done.err


def test_queue_survives_a_restart_of_qmgr(site: Site, waiting: tuple[str, str]) -> None:
    queue_id, target = waiting
    site.project.kill("qmgr")
    site.project.start("qmgr")
    site.events.wait_until(lambda: site.try_malle("queue", "stat").status == 0, "qmgr is not back", 30)
    (entry,) = site.malle_json("queue", "list", "--to", target)
    assert entry["queue_id"] == queue_id and "scripted" in entry["recipients"][0]["reason"]


def test_queue_survives_that_its_containers_are_made_anew(site: Site, waiting: tuple[str, str]) -> None:
    queue_id, target = waiting
    site.project.compose("up", "-d", "--force-recreate", "--wait", "qmgr", seconds=120)
    (entry,) = site.malle_json("queue", "list", "--to", target)
    assert entry["queue_id"] == queue_id
