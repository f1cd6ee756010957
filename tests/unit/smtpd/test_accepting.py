"""What becomes of a message at the MX: what is queued, what is refused, what is told."""

import errno
import json
import os
import smtplib
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from services.kernel.spool.disk import Disk
from tests.unit.smtpd.site import Running, Site

MESSAGE = (
    b"Received: from a by b\r\nReturn-Path: <x@world.test>\r\nMessage-ID:\r\n <1@world.test>\r\nSubject: \xe9\r\n"
    b"\r\n.\xff\x00\r\n..\r\n\tend\r\n"
)


def client_of(running: Running) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", running.port, "client.world.test", timeout=20)


def refusal_of(running: Running, message: bytes) -> tuple[int, bytes]:
    """The reply to the content, whose size was not announced, in a session that then goes on."""
    with client_of(running) as client:
        client.ehlo()
        client.mail("carol@world.test")
        client.rcpt("alice@example.test")
        code, words = client.data(message)
        assert client.noop()[0] == 250
    return code, words


def test_content_is_queued_byte_for_byte_below_one_trace_field(mx: Running) -> None:
    with client_of(mx) as client:
        client.sendmail("carol@world.test", ["alice@example.test"], MESSAGE)
    (message,) = mx.site.queued()
    trace = message.content.removesuffix(MESSAGE)
    assert trace.startswith(b"Received: from client.world.test ([127.0.0.1])\r\n\tby mail.example.test with ESMTP id ")
    assert b"\r\n\tfor <alice@example.test>;\r\n\t" in trace
    assert trace.count(b"\r\n") == 4
    assert message.envelope.message_id == "<1@world.test>"
    assert message.envelope.trace_id == message.envelope.queue_id


def test_several_recipients_are_not_shown_to_each_other(mx: Running) -> None:
    with client_of(mx) as client:
        client.sendmail("carol@world.test", ["team@example.test", "alice@example.test"], MESSAGE)
    (message,) = mx.site.queued()
    assert b"for <" not in message.content
    assert [(r.address, r.original) for r in message.recipients] == [
        ("alice@example.test", "team@example.test"),
        ("bob@example.test", "team@example.test"),
    ]


def test_dsn_parameters_reach_the_queue(mx: Running) -> None:
    with client_of(mx) as client:
        client.sendmail(
            "carol@world.test", ["alice@example.test"], MESSAGE, ["RET=HDRS", "ENVID=a+2Bb"], ["NOTIFY=NEVER", "ORCPT=rfc822;A+3DB@x"]
        )
    (message,) = mx.site.queued()
    assert (message.envelope.ret, message.envelope.envid) == ("HDRS", "a+b")
    assert (message.recipients[0].notify, message.recipients[0].orcpt) == ("NEVER", "rfc822;A=B@x")


def test_text_without_header_fields_stays_text(mx: Running) -> None:
    with client_of(mx) as client:
        client.sendmail("carol@world.test", ["alice@example.test"], b"just text\r\n")
    (message,) = mx.site.queued()
    assert message.content.endswith(b"\r\n\r\njust text\r\n")


def test_empty_content_is_a_message(mx: Running) -> None:
    with socket.create_connection(("127.0.0.1", mx.port), 10) as client:
        client.sendall(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n.\r\nQUIT\r\n")
        heard = client.makefile("rb").read()
    assert b"queued as" in heard
    assert len(mx.site.queued()) == 1


def test_a_message_over_the_limit_is_refused_after_it_was_read(mx: Running) -> None:
    code, words = refusal_of(mx, b"Subject: large\r\n\r\n" + (b"x" * 70 + b"\r\n") * 30_000)
    assert (code, words[:5]) == (552, b"5.3.4")
    assert mx.site.queued() == []


def test_a_line_over_the_limit_is_refused_after_it_was_read(site: Site) -> None:
    running = site.start("mx", text_line_limit=2000)
    code, words = refusal_of(running, b"Subject: wide\r\n\r\n" + b"x" * 2001 + b"\r\n")
    running.stop()
    assert (code, words[:5]) == (500, b"5.6.0")
    assert site.queued() == []


def test_long_lines_under_the_limit_are_kept(mx: Running) -> None:
    wide = b"Subject: wide\r\n\r\n" + b"x" * 500_000 + b"\r\n"
    with client_of(mx) as client:
        client.sendmail("carol@world.test", ["alice@example.test"], wide)
    assert mx.site.queued()[0].content.endswith(wide)


def test_a_message_that_runs_in_circles_is_refused(mx: Running) -> None:
    code, words = refusal_of(mx, b"Received: from a by b\r\n" * 51 + b"\r\nround\r\n")
    assert (code, words[:5]) == (554, b"5.4.6")


def test_recipients_over_the_limit_are_put_off_and_the_rest_is_taken(site: Site) -> None:
    running = site.start("mx", recipient_limit=100)
    with client_of(running) as client:
        refused = client.sendmail("carol@world.test", [f"alice+{n}@example.test" for n in range(150)], MESSAGE)
    running.stop()
    assert len(refused) == 50
    assert {code for code, _ in refused.values()} == {452}
    assert len(site.queued()[0].recipients) == 100


def test_a_client_that_leaves_within_content_leaves_nothing_behind(mx: Running) -> None:
    with socket.create_connection(("127.0.0.1", mx.port), 10) as client:
        client.sendall(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\nSubject: x\r\n\r\nhalf")
        client.shutdown(socket.SHUT_WR)
        assert b"354" in client.makefile("rb").read()
    mx.stop()
    assert mx.site.queued() == []
    assert "lost after DATA" in mx.site.events()


@pytest.mark.parametrize(("number", "expected"), [(errno.ENOSPC, (452, b"4.3.1")), (errno.EIO, (451, b"4.3.0"))])
def test_a_disk_that_fails_gives_a_temporary_refusal(
    mx: Running, monkeypatch: pytest.MonkeyPatch, number: int, expected: tuple[int, bytes]
) -> None:
    def sync(self: Disk, file: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Disk, "sync", sync)
    code, words = refusal_of(mx, MESSAGE)
    assert (code, words[:5]) == expected
    assert mx.site.queued() == []
    assert '"kind":"trouble"' in mx.site.events()


def test_a_directory_that_cannot_be_asked_is_temporary(mx: Running) -> None:
    (mx.site.root / "directory.sqlite").unlink()
    with client_of(mx) as client:
        client.ehlo()
        client.mail("carol@world.test")
        code, words = client.rcpt("alice@example.test")
    assert (code, words[:5]) == (451, b"4.3.0")


def test_the_life_of_a_message_is_told(mx: Running) -> None:
    with client_of(mx) as client:
        client.sendmail("carol@world.test", ["alice@example.test", "nobody@example.test"], MESSAGE)
    mx.stop()
    events = [json.loads(line) for line in mx.site.events().splitlines()]
    assert [event["kind"] for event in events] == ["started", "connected", "rejected", "accepted", "stopped"]
    rejected, accepted = events[2:4]
    assert rejected["recipient"] == "nobody@example.test"
    assert rejected["reply"] == "550 5.1.1 no such user here"
    assert accepted["queue_id"] == mx.site.queued()[0].envelope.queue_id
    assert accepted["sender"] == "carol@world.test"
    assert accepted["bytes"] == len(mx.site.queued()[0].content)


def test_large_uploads_do_not_stay_in_memory(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watch_memory(monkeypatch)
    running = site.start("mx")
    running.stop()
    path = site.root / "malleposte.yaml"
    path.write_text(path.read_text().replace("1048576", "20000000"))
    running = Running(site, "mx", path)
    with client_of(running) as client:
        client.sendmail("carol@world.test", ["alice@example.test"], b"Subject: large\r\n\r\n" + (b"x" * 70 + b"\r\n") * 200_000)
    running.stop()
    assert len(site.queued()[0].content) > 14_000_000
    assert max(seen) < 2_000_000


def watch_memory(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all writes to the disk: each is what the draft had gathered."""
    seen: list[int] = []
    write: Callable[[Disk, int, bytes, int], None] = Disk.write

    def watched(self: Disk, file: int, data: bytes, offset: int) -> None:
        seen.append(len(data))
        write(self, file, data, offset)

    monkeypatch.setattr(Disk, "write", watched)
    return seen


def test_a_reload_takes_new_limits_and_keeps_the_old_ones_when_they_are_wrong(mx: Running) -> None:
    path: Path = mx.site.root / "malleposte.yaml"
    text = path.read_text()
    path.write_text(text.replace("1048576", "2097152"))
    mx.reload()
    with client_of(mx) as client:
        assert b"SIZE 2097152" in client.ehlo()[1]
    path.write_text(text.replace("1048576", "lots"))
    mx.reload()
    with client_of(mx) as client:
        assert b"SIZE 2097152" in client.ehlo()[1]
    assert "configuration not reloaded: malleposte.yaml:2 site.message_size_limit" in mx.site.events()
