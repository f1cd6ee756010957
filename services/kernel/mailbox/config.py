"""The sections ``mailbox`` and ``sieve``: what the programs that share mailboxes and scripts must agree on."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from services.kernel.mailbox.scripts import LARGEST_BYTES, ScriptLimits
from services.kernel.runtime.config import Section
from services.kernel.sieve import addresses
from services.kernel.sieve.capabilities import CAPABILITIES, METADATA
from services.kernel.sieve.limits import DEFAULT, Limits, Policy


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
    """Threads of a process for work on mailboxes; an index is used by one at a time. One mailbox has several only while more than half are free."""
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
    includes: int = Field(default=255, ge=1)
    """Scripts that one run may include (Pigeonhole `sieve_include_max_includes`)."""
    include_nesting: int = Field(default=10, ge=1, le=100)
    """How deep they may include others (Pigeonhole `sieve_include_max_nesting_depth`)."""
    variable_bytes: int = Field(default=65_536, ge=4000, le=1 << 20)
    """Size of a variable's value, cut beyond (Pigeonhole `sieve_variables_max_variable_size`)."""
    duplicate_usual_seconds: int = Field(default=43_200, ge=1)
    """How long `duplicate` remembers a message when the script does not say it (Pigeonhole `sieve_duplicate_default_period`)."""
    duplicate_most_seconds: int = Field(default=172_800, ge=1)
    """The longest that a script can set (Pigeonhole `sieve_duplicate_max_period`)."""
    vacation_least_seconds: int = Field(default=86_400, ge=0)
    """The shortest time between two answers to one sender that a script can set (Pigeonhole `sieve_vacation_min_period`)."""
    vacation_usual_seconds: int = Field(default=604_800, ge=0)
    """The time when the script does not say it (Pigeonhole `sieve_vacation_default_period`)."""
    vacation_most_seconds: int = Field(default=31_536_000, ge=0)
    """The longest that a script can set, 0 for no limit (Pigeonhole `sieve_vacation_max_period`)."""
    vacation_subject: str = DEFAULT.policy.vacation_subject
    """Subject of an answer to a message without one (Pigeonhole `sieve_vacation_default_subject`)."""
    vacation_subject_template: str = DEFAULT.policy.vacation_subject_template
    """Subject of other answers unless the script gives one; `%$` stands for that of the message (Pigeonhole
    `sieve_vacation_default_subject_template`)."""
    vacation_subject_characters: int = Field(default=256, ge=8, le=1000)
    """Characters of a subject, cut beyond (Pigeonhole `sieve_vacation_max_subject_codepoints`)."""
    vacation_original_recipient: bool = False
    """Whether the recipient before aliases counts as an address of the user, so that mail to an alias is answered. With an alias for several users
    the sender hears all of them (Pigeonhole `sieve_vacation_use_original_recipient`)."""
    vacation_checks_recipient: bool = True
    """Whether only mail is answered that names an address of the user in To, Cc or Bcc, as RFC 5230 wants (Pigeonhole
    `sieve_vacation_dont_check_recipient`, the other way round)."""
    vacation_trusts_header: bool = False
    """Whether To of an answer comes from Sender, Resent-From or From alone, as where a forwarder rewrites envelope senders (Pigeonhole
    `sieve_vacation_to_header_ignore_envelope`)."""
    vacation_sender: Literal["none", "recipient"] = "none"
    """Envelope sender of answers: the null sender, or the user's address, for servers that refuse the null sender; then he hears when an answer does
    not arrive (Pigeonhole `sieve_vacation_send_from_recipient`)."""
    editheader_bytes: int = Field(default=8192, ge=1024, le=65_536)
    """Size of a field that `addheader` makes (Pigeonhole `sieve_editheader_max_header_size`, 2048 there)."""
    editheader_unadded: tuple[str, ...] = ()
    """Fields that `addheader` silently leaves out, besides Received and Return-Path; Subject can always be changed (Pigeonhole
    `sieve_editheader_forbid_add`, and `sieve_editheader_protected` in both)."""
    editheader_undeleted: tuple[str, ...] = ()
    """Fields that `deleteheader` silently leaves, besides Received and Auto-Submitted (Pigeonhole `sieve_editheader_forbid_delete`)."""
    redirect_sender: str = "sender"
    """Envelope sender of redirected mail: `sender` keeps it, `recipient` takes the user's address, so that the next server's SPF check fits but
    reports come to the user, `original` the recipient before aliases, `<>` none, or an address for all (Pigeonhole
    `sieve_redirect_envelope_from`). Mail with the null sender keeps it."""
    notify_sender: str = "recipient"
    """Envelope sender of notifications, the same words (Pigeonhole `sieve_notify_mailto_envelope_from`)."""
    log_bytes: int = Field(default=32_768, ge=1024)
    """Size of the file in which a user finds why a script of his failed, `.dovecot.sieve.log` in his home; one older file is kept."""

    @field_validator("redirect_sender", "notify_sender")
    @classmethod
    def _check_sender(cls, value: str) -> str:
        if value in ("sender", "recipient", "original", "<>"):
            return value
        address = addresses.to_send(value)
        if address is None:
            raise ValueError("must be sender, recipient, original, <> or an address")
        return address

    @model_validator(mode="after")
    def _check_periods(self) -> Self:
        most = self.vacation_most_seconds or self.vacation_usual_seconds
        if not self.vacation_least_seconds <= self.vacation_usual_seconds <= most:
            raise ValueError("vacation_least_seconds, vacation_usual_seconds and vacation_most_seconds must be in this order")
        if self.duplicate_usual_seconds > self.duplicate_most_seconds:
            raise ValueError("duplicate_usual_seconds must not be more than duplicate_most_seconds")
        return self

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
            includes=self.includes,
            include_nesting=self.include_nesting,
            variable_bytes=self.variable_bytes,
            duplicate_usual_seconds=self.duplicate_usual_seconds,
            duplicate_most_seconds=self.duplicate_most_seconds,
            header_bytes=self.editheader_bytes,
            vacation_least_seconds=self.vacation_least_seconds,
            vacation_usual_seconds=self.vacation_usual_seconds,
            vacation_most_seconds=self.vacation_most_seconds,
            vacation_subject_characters=self.vacation_subject_characters,
            policy=self._policy,
        )

    @property
    def _policy(self) -> Policy:
        return Policy(
            vacation_subject=self.vacation_subject,
            vacation_subject_template=self.vacation_subject_template,
            vacation_takes_original=self.vacation_original_recipient,
            vacation_wants_recipient=self.vacation_checks_recipient,
            vacation_trusts_header=self.vacation_trusts_header,
            unadded_fields=frozenset(name.lower() for name in self.editheader_unadded),
            undeleted_fields=frozenset(name.lower() for name in self.editheader_undeleted),
        )
