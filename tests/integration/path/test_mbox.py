"""Mail in mbox files, opened by Debian's programs in a container beside the site, as docs/mbox.md says."""

import imaplib
import poplib
from collections.abc import Callable

import pytest

from malleposte_lab import history
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD

SENDER = "carol@world.test"
OWNER = "5004:5103"
BODY = b"one\r\nFrom here on\r\n>From there\r\n\r\nFrom x@y.test Tue Nov 14 22:13:20 2023\r\nend\r\n"


@pytest.fixture
def boxed(account: Callable[..., str]) -> str:
    return account("boxed", "--mailbox-format", "mbox")


def open_beside(site: Site, address: str, script: str) -> str:
    """Run a script beside the account's files."""
    local, _, domain = address.partition("@")
    return run_in(site, f"/mail/{domain}/{local}", script)


def run_in(site: Site, directory: str, script: str) -> str:
    """Run a script in a directory of the volume, in a container without a network, and return what it printed."""
    image = site.project.container("client").image
    assert image is not None
    out: bytes = site.project.client.containers.run(
        image,
        ["-c", script],
        entrypoint="sh",
        user=OWNER,
        volumes={f"{site.project.name}_mail": {"bind": "/mail"}},
        working_dir=directory,
        environment={"HOME": "/tmp", "USER": "you", "TERM": "xterm"},
        network_mode="none",
        remove=True,
    )
    return out.decode()


_PYTHON = "import mailbox\nfor message in mailbox.mbox('{}', create=False): print(message['X-Lab-Key'], message.get_from().split()[0])"
LISTING = f'python3 -c "{_PYTHON}"'


def in_mutt(keys: str, path: str) -> str:
    """A script that has mutt open a file and press these keys."""
    quiet = "set folder=/tmp; set wait_key=no; set confirmappend=no; set confirmcreate=no; set delete=yes; set move=no"
    mutt = f"stty rows 24 cols 80; mutt -n -e '{quiet}; push \"{keys}\"' -f {path}"
    return f"cat > /tmp/run <<'END'\n{mutt}\nEND\nscript -qec 'sh /tmp/run' /dev/null >/dev/null"


def send(site: Site, recipient: str, key: str) -> None:
    with site.mx() as client:
        client.sendmail(SENDER, [recipient], history.message(key, SENDER, [recipient], BODY))


def test_message_from_the_world_is_read_by_mutt_python_and_formail(site: Site, boxed: str, key: str) -> None:
    for number in range(2):
        send(site, boxed, f"{key}{number}")
    site.events.wait_until(lambda: len(site.events.matching(kind="stored", recipient=boxed)) == 2, "two messages were not stored", 20)
    listed = open_beside(site, boxed, LISTING.format("mbox")).splitlines()
    assert sorted(listed) == [f"{key}{number} {SENDER}" for number in range(2)]
    assert open_beside(site, boxed, "formail -s echo one < mbox").splitlines() == ["one", "one"]
    run = in_mutt("<copy-message>/tmp/copied<enter><delete-message><quit>", "mbox")
    left = open_beside(site, boxed, f"{run}; cat /tmp/copied; echo ====; cat mbox; ls")
    copied, _, rest = left.partition("====")
    assert copied.count("\nX-Lab-Key: ") == rest.count("\nX-Lab-Key: ") == 1
    assert "\n>From here on\n>>From there\n\n>From x@y.test " in copied
    assert rest.splitlines()[-1] != "mbox.lock"
    send(site, boxed, f"{key}2")
    site.events.wait_until(lambda: len(site.events.matching(kind="stored", recipient=boxed)) == 3, "the third message was not stored", 20)
    assert open_beside(site, boxed, "formail -s echo one < mbox").splitlines() == ["one", "one"]


def test_mail_waits_while_another_program_has_the_lock(site: Site, boxed: str, account: Callable[..., str], key: str) -> None:
    send(site, boxed, f"{key}0")
    site.events.wait(kind="stored", recipient=boxed)
    open_beside(site, boxed, "lockfile mbox.lock")
    send(site, boxed, f"{key}1")
    alice = account("alice")
    send(site, alice, key)
    site.events.wait(kind="stored", recipient=alice)
    deferred = site.events.wait(kind="deferred", recipient=boxed, deadline_seconds=60)
    assert "451 4.2.0 mailbox is locked by another program" in deferred["reply"]
    open_beside(site, boxed, "rm -f mbox.lock")
    site.malle("queue", "flush", deferred["queue_id"])
    site.events.wait(kind="delivered", queue_id=deferred["queue_id"])
    assert open_beside(site, boxed, "formail -s echo one < mbox").splitlines() == ["one", "one"]


def test_domain_that_a_transport_table_sends_to_a_file_of_the_site_is_read_by_mutt_and_python(site: Site, key: str) -> None:
    recipient = f"{key}@filed.test"
    assert f"{recipient} -> mbox:lists" in site.malle("explain", "--to", recipient)
    send(site, recipient, key)
    delivered = site.events.wait(kind="delivered", recipient=recipient)
    assert delivered["nexthop"] == "mbox:lists"
    assert site.events.wait(kind="stored", recipient=recipient)["folder"] == "mbox:lists"
    assert "mbox:lists" in site.malle("trace", recipient)
    assert f"{key} {SENDER}" in run_in(site, "/mail/.mbox", LISTING.format("lists")).splitlines()
    run = in_mutt("<last-entry><copy-message>/tmp/copied<enter><quit>", "lists")
    copied = run_in(site, "/mail/.mbox", f"{run}; cat /tmp/copied")
    assert f"\nX-Original-To: {recipient}\n" in copied and "\n>From here on\n>>From there\n" in copied
    run_in(site, "/mail/.mbox", "lockfile lists.lock")
    send(site, f"again-{recipient}", f"again-{key}")
    deferred = site.events.wait(kind="deferred", recipient=f"again-{recipient}", deadline_seconds=60)
    assert "451 4.2.0 mailbox is locked by another program" in deferred["reply"]
    run_in(site, "/mail/.mbox", "rm -f lists.lock")
    site.malle("queue", "flush", deferred["queue_id"])
    site.events.wait(kind="delivered", recipient=f"again-{recipient}")
    assert f"again-{key} {SENDER}" in run_in(site, "/mail/.mbox", LISTING.format("lists")).splitlines()


def test_imap_and_pop3_say_that_they_do_not_show_it_and_explain_says_what_it_is(site: Site, boxed: str) -> None:
    with pytest.raises(imaplib.IMAP4.error, match=r"\[CANNOT\] This mailbox is an mbox file"):
        site.imap(boxed, PASSWORD)
    with pytest.raises(poplib.error_proto, match=r"\[SYS/PERM\] this mailbox is an mbox file"):
        site.pop3(boxed, PASSWORD)
    assert f"{boxed}  = enabled, mbox" in site.malle("explain", boxed)
    assert f"{boxed} is stored as mbox" in site.try_malle("mailbox", "list", boxed).err.decode()
