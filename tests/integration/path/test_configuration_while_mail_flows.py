"""Tables and settings that change while mail flows."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from malleposte_lab import history
from malleposte_lab.events import Event
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD


@pytest.fixture
def table(config: Path) -> Iterator[Path]:
    """The transport table; put back afterwards."""
    path = config / "tables/transport"
    before = path.read_bytes()
    yield path
    path.write_bytes(before)


@pytest.fixture
def settings(site: Site, config: Path) -> Iterator[Path]:
    """The settings; put back and read again afterwards."""
    path = config / "malleposte.yaml"
    before = path.read_bytes()
    yield path
    path.write_bytes(before)
    reload(site, "qmgr")


def reload(site: Site, service: str) -> None:
    count = len(site.events.matching(kind="reloaded", service=service))
    site.project.container(service).kill(signal="SIGHUP")
    site.events.wait_until(lambda: len(site.events.matching(kind="reloaded", service=service)) > count, f"{service} did not reload", 20)


def wait_for_trouble(site: Site, word: str, cause: Callable[[], None] = lambda: None) -> str:
    """What qmgr says of a trouble with this word; ``cause`` is done until it says something."""

    def told() -> list[str]:
        cause()
        return [event["reason"] for event in site.events.matching(kind="trouble", service="qmgr") if word in event.get("reason", "")]

    reasons: list[str] = site.events.wait_until(told, f"nobody tells of {word}", 10)
    return reasons[0]


def submit(site: Site, sender: str, recipient: str, key: str) -> None:
    with site.submission(sender, PASSWORD) as client:
        client.sendmail(sender, [recipient], history.message(key, sender, [recipient], b"hello\r\n"))


def submit_until_delivered(site: Site, sender: str, recipient: str, key: str) -> Event:
    """A change takes up to a second: until then the message goes the old way and bounces."""

    def delivered() -> list[Event]:
        submit(site, sender, recipient, key)
        return site.events.matching(kind="delivered", recipient=recipient)

    events: list[Event] = site.events.wait_until(delivered, "the new entry is not used", 10)
    return events[0]


def test_new_entry_of_the_transport_table_is_used_within_a_second(site: Site, account: Callable[..., str], key: str, table: Path) -> None:
    alice, domain = account("alice"), f"{key}.elsewhere.test"
    table.write_text(f"{domain} smtp:[mx.sink.test]:25\n")
    site.events.wait_until(lambda: _query(site, domain) == "smtp:[mx.sink.test]:25", "malle does not see the new entry", 10)
    event = submit_until_delivered(site, alice, f"x@{domain}", key)
    assert event["nexthop"] == "smtp:[mx.sink.test]:25"


def _query(site: Site, key: str) -> str:
    return site.try_malle("map", "query", "hash:transport", key).text


def test_broken_table_is_told_of_and_the_old_one_stays_in_use(site: Site, account: Callable[..., str], key: str, table: Path) -> None:
    alice, domain = account("alice"), f"{key}.elsewhere.test"
    table.write_text(f"{domain} smtp:[mx.sink.test]:25\n")
    submit_until_delivered(site, alice, f"first@{domain}", key)
    table.write_text(f"{domain}\n")
    assert ":1" in wait_for_trouble(site, "transport", lambda: submit(site, alice, f"second@{domain}", key))
    submit(site, alice, f"third@{domain}", key)
    site.events.wait(kind="delivered", recipient=f"third@{domain}")


def test_relayhost_takes_all_that_is_not_ours(site: Site, account: Callable[..., str], key: str, settings: Path) -> None:
    alice, bob = account("alice"), account("bob")
    settings.write_text(settings.read_text().replace("routing:\n", 'routing:\n  relayhost: "[mx.sink.test]:25"\n'))
    reload(site, "qmgr")
    submit(site, alice, f"{key}@no-such-domain.test", key)
    event = site.events.wait(kind="delivered", recipient=f"{key}@no-such-domain.test")
    assert event["nexthop"] == "smtp:[mx.sink.test]:25"
    submit(site, alice, bob, key)
    site.events.wait(kind="stored", recipient=bob)


def test_relayhost_is_never_used_for_a_relay_domain(site: Site, account: Callable[..., str], key: str, settings: Path) -> None:
    settings.write_text(settings.read_text().replace("routing:\n", 'routing:\n  relayhost: "[mail.example.test]:2"\n'))
    reload(site, "qmgr")
    site.malle("domain", "add", "sink.test", "--class", "relay")
    try:
        with site.mx() as client:
            client.sendmail("carol@world.test", [f"{key}@sink.test"], history.message(key, "carol@world.test", [f"{key}@sink.test"], b"hello\r\n"))
        event = site.events.wait(kind="delivered", recipient=f"{key}@sink.test")
        assert event["remote"].startswith("mx.sink.test[")
    finally:
        site.malle("domain", "delete", "sink.test")


def test_wrong_settings_are_named_with_line_and_path_and_the_old_ones_stay(site: Site, account: Callable[..., str], key: str, settings: Path) -> None:
    settings.write_text(settings.read_text() + "qmgr:\n  no_such_setting: 1\n")
    check = site.try_malle("config", "check")
    assert check.status != 0
    assert b"malleposte.yaml:" in check.out + check.err and b"qmgr.no_such_setting" in check.out + check.err
    site.project.container("qmgr").kill(signal="SIGHUP")
    assert "malleposte.yaml:" in wait_for_trouble(site, "no_such_setting")
    alice = account("alice")
    submit(site, alice, alice, key)
    site.events.wait(kind="stored", recipient=alice)


@pytest.mark.parametrize("service", ["mx", "submission", "qmgr", "relay", "verify", "mda", "imapd", "pop3d", "admin"])
def test_service_answers_metrics(site: Site, service: str) -> None:
    host = f"{service}-core" if service in {"relay", "admin"} else "127.0.0.1"
    fetch = f"import urllib.request; print(urllib.request.urlopen('http://{host}:9100/metrics', timeout=10).read().decode())"
    assert "malleposte_events_total{" in site.project.check(service, "python3", "-c", fetch)


def test_config_show_prints_the_effective_settings(site: Site) -> None:
    assert "hostname: mail.example.test" in site.malle("config", "show")
    assert "message_size_limit" in site.malle("config", "show", "--defaults")


def test_trace_as_json_has_the_events_in_order(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    submit(site, alice, alice, key)
    site.events.wait(kind="stored", recipient=alice)
    events = json.loads(site.malle("trace", f"<{key}@lab.test>", "--json"))
    assert isinstance(events, list) and events
