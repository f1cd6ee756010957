"""A mailbox moves from a running Dovecot to the site and back, and mbsync, which has used it there, notices nothing."""

from collections.abc import Callable

from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD
from tests.integration.interop.dovecot import Dovecot

MBSYNC = """
IMAPAccount a
{where}
Pass "{password}"
AuthMechs LOGIN

IMAPStore far
Account a

MaildirStore near
Path {home}/mirror/
Inbox {home}/mirror/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Near
Expunge Both
SyncState *
CopyArrivalDate yes
"""
FILL = r"""
D="doveadm -c $home/dovecot.conf"
for box in INBOX Work Work.2026 'Bücher & mehr'; do
    [ "$box" = INBOX ] || $D mailbox create -u $user -s "$box"
    for n in 1 2 3 4 5; do
        printf 'Subject: %s\nMessage-ID: <%s.%s@world.test>\n\nhello\n' $n $n $(date +%N) | $D save -u $user -m "$box"
    done
    $D flags add -u $user '\Seen $Forwarded' mailbox "$box" uid 1:3
    $D flags add -u $user '\Flagged Work' mailbox "$box" uid 3:4
    $D expunge -u $user mailbox "$box" uid 2
done
"""
MORE = r"""
for box in INBOX Work.2026; do
    printf 'Subject: late\nMessage-ID: <late.%s@world.test>\n\nhello\n' $(date +%N) | doveadm -c $home/dovecot.conf save -u $user -m "$box"
done
"""
SNAPSHOT = "cd $home/mirror && find . -type f ! -name .mbsyncstate ! -name .uidvalidity -printf '%p %s\\n' | sort"


def test_moves_in_and_out_and_mbsync_notices_nothing(site: Site, account: Callable[..., str], dovecot: Dovecot) -> None:
    alice = account("alice")
    places = {
        "old": f"Host localhost\nPort 2143\nUser {alice}\nTLSType None",
        "new": f"Host imapd\nPort 143\nUser {alice}\nTLSType STARTTLS\nCertificateFile /certs/ca.pem",
    }
    for name, where in places.items():
        dovecot.write(name, MBSYNC.format(home=dovecot.home, where=where, password=PASSWORD))
    dovecot.run(FILL, alice)
    dovecot.run("mbsync -c $home/old -a")
    first = moved_in(site, dovecot, alice)
    assert first.count("4 messages moved in with their UIDs, 0 were there already") == 4

    dovecot.run(MORE, alice)
    dovecot.run("mbsync -c $home/old -a")
    second = moved_in(site, dovecot, alice)
    assert second.count("1 message moved in with their UIDs, 4 were there already") == 2

    before = dovecot.run(SNAPSHOT)
    assert before.count("U=") == 18
    dovecot.run("mbsync -c $home/new -a")
    assert dovecot.run(SNAPSHOT) == before

    archive = site.project.execute("admin", "malle", "mailbox", "backup", alice).out
    dovecot.run("mkdir $home/back && tar -xz -C $home/back && chown -R mail:mail $home/back", stdin=archive)
    assert dovecot.listing("back") == dovecot.listing(alice)


def moved_in(site: Site, dovecot: Dovecot, address: str) -> str:
    """What the import of a user's Maildir says."""
    return site.project.check("admin", "malle", "mailbox", "import", address, "-", stdin=dovecot.maildir(address))
