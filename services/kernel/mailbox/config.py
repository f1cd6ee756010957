"""The sections ``mailbox`` and ``sieve``: what the programs that share mailboxes and scripts must agree on."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import Field

from services.kernel.mailbox.scripts import LARGEST_BYTES, ScriptLimits
from services.kernel.runtime.config import Section
from services.kernel.sieve.capabilities import CAPABILITIES, METADATA
from services.kernel.sieve.limits import DEFAULT, Limits


class MailboxSettings(Section):
    """Where mailboxes lie and what a new one contains."""

    root: Path = Path("/mail")
    """Directory of all mailboxes: `<root>/<domain>/<local part>/Maildir`."""
    special_folders: dict[str, str] = Field(
        default_factory=lambda: {"Drafts": "\\Drafts", "Sent": "\\Sent", "Trash": "\\Trash", "Junk": "\\Junk", "Archive": "\\Archive"},
    )
    """Folders that a new mailbox gets at its first listing, each with its attribute of RFC 6154."""
    open_mailboxes: int = Field(default=128, ge=4)
    """How many users' indexes a process keeps open at most; each takes three file descriptors and about 100 kB, twice that after a
    search, and 40 bytes for each message of the folder that was opened last."""
    shared_folders: int = Field(default=1000, ge=1)
    """Folders of one owner that others find in their lists, the first by the names of their directories: each list reads who may see them, up to
    1.5 ms for a folder with 200 identifiers. All can be opened."""
    threads: int = Field(default=4, ge=1, le=64)
    """Threads of a process for work on mailboxes; an index is used by one at a time."""
    share_with_anyone: bool = False
    """Whether users may give rights in their folders to `anyone` and `authenticated`, all users of the site, in whose lists these folders then are
    (Dovecot `imap_acl_allow_anyone`). What a file says already counts in any case, and can be taken away."""
    quota_warnings: tuple[Annotated[int, Field(ge=1, le=100)], ...] = (80, 95)
    """How full a mailbox is, in percent, when its owner gets a warning: once each time that mail leads over it, delivered or filed by IMAP. Empty for
    none."""


SITE_EXTENSIONS = CAPABILITIES | METADATA
"""What the site's own scripts may require: all there is."""


class SieveSettings(Section):
    """Rules for mail at delivery, in Sieve (RFC 5228): the site's and each user's, who writes his by ManageSieve."""

    before: Path = Path("/etc/malleposte/sieve/before")
    """Directory of scripts of the site that run before the user's: its files `*.sieve`, by name. A change is used within a second; a script that
    does not compile keeps what it was before."""
    after: Path = Path("/etc/malleposte/sieve/after")
    """The same for scripts that run after the user's, on mail that is still kept then."""
    included: Path = Path("/etc/malleposte/sieve/global")
    """Directory of the scripts that `include :global` means."""
    forbidden_extensions: tuple[str, ...] = ()
    """Extensions that users' scripts may not use, such as `editheader`; the site's may."""
    scripts: int = Field(default=32, ge=1)
    """Scripts of one user."""
    script_bytes: int = Field(default=1 << 20, ge=1024, le=LARGEST_BYTES)
    """Size of one script (Pigeonhole `sieve_max_script_size`)."""
    scripts_bytes: int = Field(default=8 << 20, ge=1024)
    """Size of all scripts of one user together (Pigeonhole `sieve_quota_storage_size`)."""
    actions: int = Field(default=32, ge=1)
    """Actions for one message (Pigeonhole `sieve_max_actions`)."""
    redirects: int = Field(default=4, ge=0)
    """Addresses that one message is redirected to (Pigeonhole `sieve_max_redirects`)."""
    steps: int = Field(default=2_000_000, ge=1000)
    """Work for one message, in steps of the interpreter of a microsecond to ten; what needs more fails, and the message is kept."""
    vacation_least_seconds: int = Field(default=86_400, ge=0)
    """The shortest time between two answers to one sender that a script can set (Pigeonhole `sieve_vacation_min_period`)."""
    redirect_sender: str = "sender"
    """Envelope sender of redirected mail: `sender` keeps it, `recipient` takes the user's address, so that the next server's SPF check fits but
    reports come to the user, or an address for all (Pigeonhole `sieve_redirect_envelope_from`). Mail with the null sender keeps it."""
    log_bytes: int = Field(default=32_768, ge=1024)
    """Size of the file in which a user finds why a script of his failed, `.dovecot.sieve.log` in his home; one older file is kept."""

    @property
    def extensions(self) -> frozenset[str]:
        """What users' scripts may require."""
        return SITE_EXTENSIONS - frozenset(self.forbidden_extensions)

    @property
    def script_limits(self) -> ScriptLimits:
        """What a user may store."""
        return ScriptLimits(self.scripts, self.script_bytes, self.scripts_bytes)

    @property
    def limits(self) -> Limits:
        """What a script may do."""
        return replace(
            DEFAULT,
            script_bytes=self.script_bytes,
            actions=self.actions,
            redirects=self.redirects,
            steps=self.steps,
            vacation_least_seconds=self.vacation_least_seconds,
        )
