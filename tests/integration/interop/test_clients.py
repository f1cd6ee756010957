"""Clients that no one here wrote, from Debian's packages, in a container beside the site."""

from collections.abc import Callable

import pytest

from malleposte_lab import history
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD

SENDER = "carol@world.test"
CA = "/certs/ca.pem"


def run(site: Site, *words: str, stdin: bytes | None = None) -> str:
    """Run a client in the lab's client container; it must succeed."""
    return site.project.check("client", *words, stdin=stdin)


def deliver(site: Site, recipient: str, key: str) -> bytes:
    sent = history.message(key, SENDER, [recipient], b"hello \xc3\xa9\r\n")
    with site.mx() as client:
        client.sendmail(SENDER, [recipient], sent)
    site.events.wait(kind="stored", recipient=recipient)
    return sent


def test_swaks_delivers_through_the_mx_with_tls(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    run(site, "swaks", "--server", "mail.example.test", "--tls", "--from", SENDER, "--to", alice, "--header", f"Subject: {key}")
    site.events.wait(kind="stored", recipient=alice)
    assert key.encode() in site.messages(alice, PASSWORD)[0]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_submits_with_each_mechanism(site: Site, account: Callable[..., str], mechanism: str) -> None:
    alice = account("alice")
    words = ["swaks", "--server", "submission", "--port", "587", "--tls", "--auth", mechanism, "--auth-user", alice, "--auth-password", PASSWORD]
    run(site, *words, "--from", alice, "--to", alice)
    site.events.wait(kind="stored", recipient=alice)


def test_msmtp_submits_over_implicit_tls(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    words = ["msmtp", "--host=submission", "--port=465", "--tls=on", "--tls-starttls=off", f"--tls-trust-file={CA}", "--auth=on", f"--user={alice}"]
    run(site, *words, f"--passwordeval=echo {PASSWORD}", f"--from={alice}", alice, stdin=history.message(key, alice, [alice], b"hello\n"))
    site.events.wait(kind="stored", recipient=alice)


def test_smtp_source_delivers_a_hundred_messages_in_ten_sessions(site: Site, account: Callable[..., str]) -> None:
    alice = account("alice")
    run(site, "smtp-source", "-s", "10", "-m", "100", "-l", "4096", "-f", SENDER, "-t", alice, "mail.example.test:25")
    site.events.wait_until(lambda: len(site.events.matching(kind="stored", recipient=alice)) == 100, "not all hundred are stored", 60)
    assert len(site.messages(alice, PASSWORD)) == 100


def test_curl_reads_by_imaps(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    sent = deliver(site, alice, key)
    shown = run(site, "curl", "-sS", "--cacert", CA, "--user", f"{alice}:{PASSWORD}", "imaps://imapd/INBOX;UID=1")
    assert sent.decode().replace("\r", "").strip() in shown.replace("\r", "")


def test_curl_reads_by_pop3s(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    deliver(site, alice, key)
    assert key in run(site, "curl", "-sS", "--cacert", CA, "--user", f"{alice}:{PASSWORD}", "pop3s://pop3d/1")


def test_mbsync_mirrors_a_mailbox_and_downloads_nothing_twice(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    deliver(site, alice, key)
    config = (
        f'IMAPAccount a\nHost imapd\nPort 143\nUser {alice}\nPass "{PASSWORD}"\nTLSType STARTTLS\nCertificateFile {CA}\n\n'
        f"IMAPStore far\nAccount a\n\nMaildirStore near\nPath /tmp/{key}/\nInbox /tmp/{key}/INBOX\nSubFolders Verbatim\n\n"
        "Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n"
    )
    mirror = f"mbsync -c /tmp/{key}/rc -a"
    run(site, "sh", "-c", f"mkdir -p /tmp/{key} && cat > /tmp/{key}/rc && {mirror} && {mirror}", stdin=config.encode())
    listed = run(site, "sh", "-c", f"ls /tmp/{key}/INBOX/cur /tmp/{key}/INBOX/new | grep -c U=")
    assert listed == "1"


def test_fetchmail_collects_by_pop3_and_empties_the_mailbox(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    deliver(site, alice, key)
    config = f'poll pop3d protocol pop3 username "{alice}" password "{PASSWORD}" ssl sslcertfile {CA} mda "cat >> /tmp/{key}.mbox"\n'
    run(site, "sh", "-c", f"umask 077; cat > /tmp/{key}.rc && fetchmail -f /tmp/{key}.rc --nodetach --pidfile /tmp/{key}.pid", stdin=config.encode())
    assert key in run(site, "cat", f"/tmp/{key}.mbox")
    assert site.messages(alice, PASSWORD) == []


def test_offlineimap_mirrors_a_mailbox(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    deliver(site, alice, key)
    config = (
        f"[general]\naccounts = a\nmetadata = /tmp/{key}/meta\nui = basic\n[Account a]\nlocalrepository = l\nremoterepository = r\n"
        f"[Repository l]\ntype = Maildir\nlocalfolders = /tmp/{key}/mail\n[Repository r]\ntype = IMAP\nremotehost = imapd\nremoteuser = {alice}\n"
        f"remotepass = {PASSWORD}\nssl = yes\nsslcacertfile = {CA}\n"
    )
    run(site, "sh", "-c", f"mkdir -p /tmp/{key} && cat > /tmp/{key}/rc && offlineimap -o -c /tmp/{key}/rc", stdin=config.encode())
    assert key in run(site, "sh", "-c", f"cat /tmp/{key}/mail/INBOX/*/*")


def test_mutt_lists_and_reads_a_message(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    deliver(site, alice, key)
    login = f'set imap_user="{alice}"; set imap_pass="{PASSWORD}"; set ssl_ca_certificates_file="{CA}"; set ssl_force_tls=yes'
    quiet = "set folder=/tmp; set wait_key=no; set confirmappend=no; set confirmcreate=no; set delete=no"
    copy = f'push "<copy-message>/tmp/{key}.mbox<enter><exit>"'
    mutt = f"stty rows 24 cols 80; TERM=xterm mutt -n -e '{login}; {quiet}; {copy}' -f imaps://imapd/INBOX"
    run(site, "script", "-qec", mutt, "/dev/null")
    assert key in run(site, "cat", f"/tmp/{key}.mbox")


def test_neomutt_flags_moves_deletes_and_searches(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    client = site.imap(alice, PASSWORD)
    for number in range(4):
        client.append("INBOX", "", "", history.message(f"{key}-{number}", SENDER, [alice], b"hello\r\n"))
    settings = (
        f'set imap_user="{alice}"\nset imap_pass="{PASSWORD}"\nset ssl_ca_certificates_file="{CA}"\nset folder="imaps://imapd/"\nset resolve=no\n'
        "set wait_key=no\nset confirmappend=no\nset confirmcreate=no\nset delete=yes\nset imap_qresync=yes\nset sort=mailbox-order\n"
        f'push "<limit>=B {key}-0<enter><flag-message><limit>~A<enter>2<enter><save-message>=Archive<enter>3<enter><delete-message><quit>"\n'
    )
    neomutt = f"stty rows 24 cols 80; TERM=xterm neomutt -n -F /tmp/{key}.rc -f imaps://imapd/INBOX"
    run(site, "sh", "-c", f"cat > /tmp/{key}.rc && script -qec '{neomutt}' /dev/null", stdin=settings.encode())
    client.select("INBOX")
    assert client.uid("SEARCH", "ALL") == ("OK", [b"1 4"])
    assert client.uid("SEARCH", "FLAGGED") == ("OK", [b"1"])
    client.logout()
    assert [f"{key}-1".encode() in message for message in site.messages(alice, PASSWORD, "Archive")] == [True]


def test_postfix_delivers_through_the_mx(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    site.project.check("world", "sendmail", "-f", SENDER, alice, stdin=history.message(key, SENDER, [alice], b"hello\n"))
    site.events.wait(kind="stored", recipient=alice)
