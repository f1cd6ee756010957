"""What `malle explain` says, beside the way that the message then takes."""

from collections.abc import Callable

import pytest

from malleposte_lab.site import Site
from tests.integration.path.test_submission_to_world import submit


@pytest.mark.parametrize("recipient", ["anyone@sink.test", "carol@world.test", "someone@firm.test"])
def test_mail_takes_the_way_that_was_explained(site: Site, account: Callable[..., str], key: str, recipient: str) -> None:
    alice = account("alice")
    told = site.malle_json("explain", "--from", alice, "--to", recipient, "--signed-in")
    (way,) = told["ways"]
    host = way["hosts"]["hosts"][0]
    submit(site, alice, [recipient], key)
    event = site.events.wait(kind="delivered", recipient=recipient, sender=alice)
    assert event["remote"] == f"{host['host']}[{host['address']}]:{host['port']}"
    assert event["nexthop"].startswith(way["route"]["transport"])


def test_mail_for_a_mailbox_goes_where_it_was_explained_and_the_alias_is_named(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    site.malle("alias", "add", f"team-{key}@example.test", alice)
    text = site.malle("explain", f"team-{key}@example.test", "--from", "carol@world.test")
    assert f"directory aliases  team-{key}@example.test  = {alice}" in text
    assert f"{alice} -> lmtp:[mda]:24" in text
    assert "tried after 0s" in text
    with site.mx() as client:
        client.sendmail("carol@world.test", [f"team-{key}@example.test"], f"Subject: {key}\r\n\r\nhello\r\n")
    event = site.events.wait(kind="delivered", recipient=alice)
    assert event["nexthop"] == "lmtp:[mda]:24"


def test_verification_and_the_table_that_decided_are_told(site: Site) -> None:
    site.malle("verify", "probe", "known@firm.test")
    text = site.malle("explain", "known@firm.test", "--from", "carol@world.test")
    assert "verification: deliverable (probe" in text
    assert "firm.test  = smtp:[mx.sink.test]:25" in text


def test_stranger_is_refused_and_hears_why(site: Site) -> None:
    done = site.try_malle("explain", "--to", "a@elsewhere.test", "--client", "192.0.2.1")
    assert done.status == 1
    assert "refused, 550 5.7.1" in done.text
