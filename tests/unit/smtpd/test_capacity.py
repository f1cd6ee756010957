"""A recipient whose mailbox is full hears so before the message is sent."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from services.kernel.wire import room
from services.kernel.wire.room import Room
from tests.unit.smtpd.site import Running, Site


@contextmanager
def mx(site: Site, **settings: object) -> Iterator[Running]:
    (site.root / "room").mkdir()
    room.write(site.root / "room", {"alice@example.test": Room(1000, -1), "bob@example.test": Room(-1, 0)})
    running = site.start("mx", room_directory=str(site.root / "room"), **settings)
    try:
        yield running
    finally:
        running.stop()


def answers(running: Running, *recipients: str, size_bytes: int = 0) -> list[tuple[int, bytes]]:
    with smtplib.SMTP("127.0.0.1", running.port) as client:
        client.ehlo("world.test")
        client.mail("carol@world.test", [f"SIZE={size_bytes}"] if size_bytes else [])
        return [client.rcpt(recipient) for recipient in recipients]


def test_full_mailbox_is_refused_and_others_are_not(site: Site) -> None:
    with mx(site) as running:
        replies = answers(running, "bob@example.test", "Bob+news@example.test", "alice@example.test", "postmaster@example.test")
    assert [code for code, _ in replies] == [552, 552, 250, 250]
    assert replies[0][1] == b"5.2.2 mailbox is full"
    assert '"stage":"RCPT"' in site.events()


@pytest.mark.parametrize(("size_bytes", "code"), [(1000, 250), (1001, 552)])
def test_size_that_the_client_announces_counts(site: Site, size_bytes: int, code: int) -> None:
    with mx(site) as running:
        assert answers(running, "alice@example.test", size_bytes=size_bytes)[0][0] == code


def test_alias_is_refused_when_nobody_behind_it_has_room(site: Site) -> None:
    with mx(site) as running:
        assert [code for code, _ in answers(running, "office@example.test", "team@example.test", size_bytes=2000)] == [552, 552]
        assert answers(running, "team@example.test", size_bytes=500)[0][0] == 250


def test_full_mailbox_is_no_matter_where_a_table_leads_the_mail_elsewhere(site: Site) -> None:
    (site.root / "transport").write_text("bob@example.test lmtp:inet:archive.test:24\n")
    site.routing = f'transport_maps: ["texthash:{site.root}/transport"]'
    with mx(site) as running:
        assert answers(running, "bob@example.test")[0][0] == 250


def test_full_mailbox_is_deferred_where_that_is_wanted(site: Site) -> None:
    with mx(site, over_quota="defer") as running:
        assert answers(running, "bob@example.test")[0] == (452, b"4.2.2 mailbox is full")


def test_full_mailbox_is_left_to_mda_where_that_is_wanted(site: Site) -> None:
    with mx(site, over_quota="ignore") as running:
        assert answers(running, "bob@example.test")[0][0] == 250


def test_without_the_file_nobody_is_full(site: Site) -> None:
    with mx(site) as running:
        (site.root / "room" / room.NAME).unlink()
        assert answers(running, "bob@example.test")[0][0] == 250
