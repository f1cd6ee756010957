"""Deliveries with real commands."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Outcome
from services.kernel.routing.options import Transport
from services.kernel.spool.format import prefix
from services.kernel.spool.reader import open_content
from services.kernel.wire.delivery import WAIT_SECONDS, DeliveryRequest, NextHop, Protocol
from services.pipe.delivery import Kitchen, deliver
from tests.unit.kernel.spool.messages import envelope, name

CONTENT = b"Subject: hello\r\n\r\ntext\r\n"
DEADLINE_SECONDS = 10.0
SELF = "" if os.geteuid() else "nobody"


class Site:
    """A queue with one message, a folder of commands, and a transport."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.chmod(0o755)
        self.queue_id = name(1)
        self.troubles: list[str] = []
        self.write_message(CONTENT)
        (folder / "programs").mkdir()
        (folder / "programs").chmod(0o755)  # whatever the umask: the command runs as somebody else
        (folder / "out").mkdir()
        (folder / "out").chmod(0o777)

    def write_message(self, content: bytes) -> None:
        (self.folder / "active").mkdir(exist_ok=True)
        block = prefix(envelope(), [Recipient("jane@example.com", "jane@example.com")]).encode(len(content))
        (self.folder / "active" / self.queue_id).write_bytes(block + content)
        self.size = len(content)

    def program(self, text: str) -> str:
        path = self.folder / "programs/cmd"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    def kitchen(self, executor: ThreadPoolExecutor, **options: Any) -> Kitchen:
        transport = Transport.model_validate({"program": "pipe", **options})
        environment = {"PATH": f"{self.folder}/programs:/usr/bin:/bin"}
        opener = partial(open_content, self.folder)
        return Kitchen({"lists": transport}, "+", environment, 200, executor, opener, self.troubles.append)

    def request(self, *recipients: str, sender: str = "s@world.test", wait_seconds: float = WAIT_SECONDS) -> DeliveryRequest:
        chosen = [Recipient(address, address) for address in recipients or ("jane@example.com",)]
        hop = NextHop(Protocol.PIPE, "next.example", transport="lists")
        return DeliveryRequest(self.queue_id, "t", sender, hop, list(range(len(chosen))), chosen, self.size, wait_seconds=wait_seconds)

    def deliver(
        self, *recipients: str, sender: str = "s@world.test", wait_seconds: float = WAIT_SECONDS, **options: Any
    ) -> list[Outcome]:
        async def main() -> list[Outcome]:
            with ThreadPoolExecutor(4) as executor:
                async with asyncio.timeout(DEADLINE_SECONDS):
                    kitchen = self.kitchen(executor, **options)
                    return (await deliver(self.request(*recipients, sender=sender, wait_seconds=wait_seconds), kitchen)).outcomes

        return asyncio.run(main())

    def out(self, file: str) -> str:
        return (self.folder / "out" / file).read_text()


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Site]:
    """Under a folder that other users may enter, as commands do not run as root."""

    def make() -> Site:
        folder = tmp_path_factory.mktemp("pipe")
        for parent in (folder.parent, folder.parent.parent, folder.parent.parent.parent):
            with contextlib.suppress(PermissionError):
                if str(parent) not in ("/", "/tmp"):
                    parent.chmod(parent.stat().st_mode | 0o011)
        return Site(folder)

    return make


def _ends(process: str) -> bool:
    """Whether a process that was killed is gone, or waits only for who takes its status: a signal is no moment."""
    stat = Path(f"/proc/{process}/stat")
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        try:
            if ") Z " in stat.read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_command_gets_the_message_and_its_arguments(site: Callable[[], Site]) -> None:
    here = site()
    command = here.program(f'cat >{here.folder}/out/message; printf "%s\\n" "$@" >{here.folder}/out/arguments')
    (outcome,) = here.deliver(argv=[command, "-f", "$sender", "${user}", "two words", ""], flags="R", user=SELF)
    assert isinstance(outcome, Delivered)
    assert here.out("message") == "Return-Path: <s@world.test>\nSubject: hello\n\ntext\n"
    assert here.out("arguments") == "-f\ns@world.test\njane\ntwo words\n\n"


def test_no_shell_reads_what_is_in_an_address(site: Callable[[], Site]) -> None:
    here = site()
    command = here.program(f'cat >/dev/null; printf "%s\\n" "$@" >{here.folder}/out/arguments')
    here.deliver("`id`;touch$IFS/x|y@example.com", argv=[command, "$recipient"], user=SELF)
    assert here.out("arguments") == "`id`;touch$IFS/x|y@example.com\n"


def test_environment_is_clean_and_the_session_its_own(site: Callable[[], Site], monkeypatch: pytest.MonkeyPatch) -> None:
    here = site()
    monkeypatch.setenv("SECRET", "s3cret")
    command = here.program(f"cat >/dev/null; env >{here.folder}/out/environment; pwd >{here.folder}/out/folder")
    here.deliver(argv=[command], user=SELF)
    assert {line.partition("=")[0] for line in here.out("environment").splitlines()} <= {"PATH", "PWD", "OLDPWD", "SHLVL", "_"}
    assert here.out("folder") == "/tmp\n"


def test_command_without_a_slash_is_found_in_the_folder_of_programs(site: Callable[[], Site]) -> None:
    here = site()
    here.program("cat >/dev/null; exit 67")
    assert isinstance(here.deliver(argv=["cmd"], user=SELF)[0], Bounced)


def test_output_and_status_make_the_reply(site: Callable[[], Site]) -> None:
    here = site()
    (outcome,) = here.deliver(argv=[here.program("cat >/dev/null; echo not here >&2; exit 67")], user=SELF)
    assert str(outcome.reply) == "550 5.1.1 user unknown. Command output: not here"


def test_output_is_bounded(site: Callable[[], Site]) -> None:
    here = site()
    (outcome,) = here.deliver(argv=[here.program("cat >/dev/null; yes | head -c 1000000; exit 75")], user=SELF)
    assert isinstance(outcome, Deferred)
    assert len(outcome.reply.text) < 300


def test_command_that_reads_nothing_may_be_content(site: Callable[[], Site]) -> None:
    here = site()
    here.write_message(b"Subject: x\r\n\r\n" + b"line\r\n" * 100_000)
    assert isinstance(here.deliver(argv=[here.program("exit 0")], user=SELF)[0], Delivered)


def test_large_message_passes_while_the_command_talks(site: Callable[[], Site]) -> None:
    here = site()
    here.write_message(b"Subject: x\r\n\r\n" + b"line\r\n" * 300_000)
    (outcome,) = here.deliver(argv=[here.program("tee /dev/stderr | wc -c >&2")], user=SELF)
    assert isinstance(outcome, Delivered)


def test_time_limit_kills_the_whole_group_and_defers(site: Callable[[], Site]) -> None:
    here = site()
    command = here.program(f"cat >/dev/null; sleep 60 & echo $! >{here.folder}/out/child; wait")
    started = time.monotonic()
    (outcome,) = here.deliver(argv=[command], user=SELF, time_limit_seconds=2)
    assert isinstance(outcome, Deferred)
    assert outcome.reply.enhanced == "4.3.0"
    assert time.monotonic() - started < 30
    assert _ends(here.out("child").strip())


def test_commands_of_one_delivery_end_before_who_asked_gives_it_up(site: Callable[[], Site]) -> None:
    here = site()
    command = here.program(f"cat >/dev/null; echo x >>{here.folder}/out/runs; sleep 60")
    outcomes = here.deliver("a@x.test", "b@x.test", "c@x.test", wait_seconds=3.6, argv=[command], flags="D", user=SELF)
    assert [outcome.reply.enhanced for outcome in outcomes] == ["4.3.0"] * 3
    assert "other recipients" in outcomes[2].reply.text
    assert here.out("runs") == "x\n"


def test_command_that_waited_for_a_thread_until_it_was_given_up_is_not_run(site: Callable[[], Site]) -> None:
    here = site()
    command = here.program(f"cat >/dev/null; echo x >>{here.folder}/out/runs; sleep 60")

    async def main() -> list[Outcome]:
        with ThreadPoolExecutor(1) as executor:
            async with asyncio.timeout(DEADLINE_SECONDS):
                both = [deliver(here.request(wait_seconds=3.6), here.kitchen(executor, argv=[command], user=SELF)) for _ in range(2)]
                return [outcome for response in await asyncio.gather(*both) for outcome in response.outcomes]

    assert all(isinstance(outcome, Deferred) for outcome in asyncio.run(main()))
    assert here.out("runs") == "x\n"


def test_child_that_keeps_the_output_open_is_not_waited_for(site: Callable[[], Site]) -> None:
    here = site()
    started = time.monotonic()
    assert isinstance(here.deliver(argv=[here.program("cat >/dev/null; sleep 7 & exit 0")], user=SELF)[0], Delivered)
    assert time.monotonic() - started < 5


def test_cancelled_delivery_kills_its_command(site: Callable[[], Site]) -> None:
    here = site()
    command = here.program(f"cat >/dev/null; echo $$ >{here.folder}/out/pid.new; mv {here.folder}/out/pid.new {here.folder}/out/pid; sleep 60")

    async def main() -> None:
        with ThreadPoolExecutor(1) as executor:
            task = asyncio.ensure_future(deliver(here.request(), here.kitchen(executor, argv=[command], user=SELF)))
            async with asyncio.timeout(DEADLINE_SECONDS):
                await asyncio.to_thread(_wait_for, here.folder / "out/pid")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert _ends(here.out("pid").strip())


def test_flags_d_and_o_run_the_command_for_each_recipient(site: Callable[[], Site]) -> None:
    here = site()
    command = here.program(f"cat >{here.folder}/out/$1")
    outcomes = here.deliver("a@example.com", "b@example.com", argv=[command, "$user"], flags="DO", user=SELF)
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert "Delivered-To: b@example.com\n" in here.out("b")
    assert "a@example.com" not in here.out("b")


def test_message_that_was_delivered_to_the_recipient_before_is_a_loop(site: Callable[[], Site]) -> None:
    here = site()
    here.write_message(b"Delivered-To: a@example.com\r\n\r\nx\r\n")
    first, second = here.deliver("a@example.com", "b@example.com", argv=[here.program("cat >/dev/null")], flags="D", user=SELF)
    assert isinstance(first, Bounced) and first.reply.enhanced == "5.4.6"
    assert isinstance(second, Delivered)


def test_larger_message_than_the_transport_takes_is_returned(site: Callable[[], Site]) -> None:
    here = site()
    (outcome,) = here.deliver(argv=[here.program("exit 0")], size_limit=5, user=SELF)
    assert isinstance(outcome, Bounced) and outcome.reply.enhanced == "5.2.3"


def test_address_that_looks_like_an_option_never_reaches_a_command(site: Callable[[], Site]) -> None:
    here = site()
    command = here.program("cat >/dev/null")
    bad, good = here.deliver("-oX@example.com", "jane@example.com", argv=[command, "$recipient"], user=SELF)
    assert isinstance(bad, Bounced) and isinstance(good, Delivered)
    assert isinstance(here.deliver(sender="-f@world.test", argv=[command, "$sender"], user=SELF)[0], Bounced)


@pytest.mark.parametrize(
    ("argument", "recipient"),
    [
        ("${recipient}", '"-x"@example.com'),
        ("${user}", '"-x"@example.com'),
        ("${mailbox}", '"\\-x"@example.com'),
        ("${extension}", "jane+-x@example.com"),
    ],
)
def test_macro_makes_no_option(site: Callable[[], Site], argument: str, recipient: str) -> None:
    here = site()
    here.program(f"echo ran > {here.folder}/out/ran")
    refused, taken = here.deliver(recipient, "jane+x@example.com", argv=["cmd", argument], user=SELF, flags="D")
    assert (type(refused), type(taken)) == (Bounced, Delivered)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"argv": ["no-such-command"]}, "No such file"),
        ({"argv": ["cmd", "${nosuch}"]}, "no macro ${nosuch}"),
        ({"argv": []}, "argv is empty"),
        ({"argv": ["cmd"], "flags": "RZ"}, "no flag Z"),
        ({"argv": ["cmd"], "user": "no-such-user"}, "no-such-user"),
        ({"argv": ["cmd"], "user": "root"}, "root"),
        ({"argv": ["cmd"], "directory": "/nowhere"}, "No such file"),
    ],
)
def test_transport_that_cannot_be_used_defers_as_a_site_and_is_told(site: Callable[[], Site], options: dict[str, Any], told: str) -> None:
    here = site()
    here.program("exit 0")
    (outcome,) = here.deliver(**{"user": SELF, **options})
    assert isinstance(outcome, Deferred)
    assert (outcome.reply.enhanced, outcome.site) == ("4.3.5", True)
    assert told in here.troubles[0]


def test_message_that_is_gone_defers(site: Callable[[], Site]) -> None:
    here = site()
    request_id, here.queue_id = here.queue_id, name(2)
    assert isinstance(here.deliver(argv=[here.program("exit 0")], user=SELF)[0], Deferred)
    assert request_id != here.queue_id
