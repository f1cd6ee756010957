"""Taking mail in: certificates, logins and restriction lists."""

from collections.abc import Callable

from services.admin.postfix.findings import Finding, Outcome, Verdict, translated, unneeded, unsupported
from services.admin.postfix.job import Job, Scope, Where
from services.admin.postfix.lines import split_words, unbrace
from services.admin.postfix.rows import How, restriction_rows
from services.admin.postfix.values import parse_flag, parse_seconds

_CERTIFICATE = "certificate and key go into the volume certs (README, Your own certificate)"


def _certificate(job: Job) -> Outcome:
    if job.value in ("", "none"):
        return unneeded("`malle init` makes a certificate where none is given")
    note = f"put {job.value} ({job.name}) into the volume certs: README, Your own certificate"
    if note not in job.draft.notes:
        job.draft.notes.append(note)
    return unneeded(_CERTIFICATE)


def _tls_level(job: Job) -> Outcome:
    level = job.value.lower()
    if level in ("", "may"):
        return unneeded("STARTTLS is offered, and asked for at submission")
    if level == "encrypt":
        if job.scope.name == "submission":
            return unneeded("submission asks for TLS")
        return unsupported("TLS is not asked for on port 25 (RFC 2487 section 5 forbids it for a public server); submission asks for it")
    return unsupported("TLS is always offered: smtpd.mx.tls: null takes it away")


def _old_tls_switch(job: Job) -> Outcome:
    if not parse_flag(job.value) or job.name == "smtpd_use_tls":
        return unneeded("STARTTLS is offered, and asked for at submission")
    return unsupported("TLS is not asked for on port 25; submission asks for it")


def _wrappermode(job: Job) -> Outcome:
    if not parse_flag(job.value):
        return unneeded("STARTTLS on this port")
    if job.scope.name == "submission":
        return unneeded("smtpd.submission.listen_tls is under TLS from the first byte")
    return unsupported("port 25 begins in clear text")


def _sasl_enable(job: Job) -> Outcome:
    if not parse_flag(job.value):
        return unneeded("only submission has logins")
    if job.scope.name == "submission":
        return unneeded("submission has logins")
    if job.scope.where is Where.SITE and any(entry.command == "smtpd" and entry.name not in ("smtp", "25") for entry in job.source.entries):
        return unneeded("submission has logins, and port 25 has none")
    return unsupported("users sign in on the submission ports, 587 and 465, not on port 25: change the port in their mail programs")


def _sasl_type(job: Job) -> Outcome:
    job.draft.notes.append("make accounts with passwords: malle account add; or malle directory import directory.yaml, then malle account password")
    return unneeded("users are the directory's accounts")


def _timeout(job: Job) -> Outcome:
    text = job.value
    outcomes = [job.put(f"role.{name}_seconds", parse_seconds(text, "s")) for name in ("command", "data")]
    return translated(*(outcome.text for outcome in outcomes)) if outcomes[0].verdict is Verdict.TRANSLATED else outcomes[0]


def _sender_logins(job: Job) -> Outcome:
    return unsupported("a user sends as his own address and the aliases that lead to him alone: malle alias")


def _unlisted_recipient(job: Job) -> Outcome:
    if parse_flag(job.value):
        return unneeded("unknown recipients are refused")
    return unsupported("unknown recipients are always refused")


def _quota(job: Job) -> Outcome:
    if job.value == "0":
        return unneeded("an account without a quota has no limit")
    return unsupported("quotas are set for each account: malle account")


def _poll(job: Job) -> Outcome:
    """smtpd waits once, for as long as Postfix polls."""
    seconds = int(job.other("address_verify_poll_count")) * parse_seconds(job.other("address_verify_poll_delay"), "s")
    return job.put("role.verify_seconds", seconds)


def _unknown(job: Job) -> Outcome:
    """What a probe that found nothing out means; Postfix has it apart for recipients and senders."""
    return job.put("role.verify_unknown", "accept" if job.value == "permit" else "defer")


def _hide_client(job: Job) -> Outcome:
    is_hidden = job.scope.name == "submission"
    why = "submission shows no client address" if is_hidden else "port 25 shows the client address (RFC 5321 section 4.4)"
    return unneeded(why) if parse_flag(job.value) is is_hidden else unsupported(why)


def _smtputf8(job: Job) -> Outcome:
    return unneeded("SMTPUTF8 is offered") if parse_flag(job.value) else unsupported("SMTPUTF8 is always offered")


def _restrictions(job: Job) -> Outcome:
    """Each restriction has a finding of its own; the list has the worst of them."""
    found = list[Outcome]()
    words = iter(split_words(job.value))
    for word in words:
        parts = split_words(unbrace(word)) if word.startswith("{") else [word]
        row = restriction_rows().find(parts[0])
        argument = " ".join(parts[1:]) or (next(words, "") if row is not None and row.unit == "argument" else "")
        outcome = _restriction(job, parts[0], argument)
        found.append(outcome)
        name = f"{job.label}: {parts[0]} {argument}".rstrip()
        job.draft.find(Finding(job.setting.file, job.setting.line, name, outcome.verdict, outcome.text))
    bad = sum(outcome.verdict is Verdict.UNSUPPORTED for outcome in found)
    if bad:
        return unsupported(f"{bad} of {len(found)} restrictions, see above")
    written = [outcome.text for outcome in found if outcome.verdict is Verdict.TRANSLATED]
    return translated(*written) if written else unneeded("it is how mail is taken in here")


def _restriction(job: Job, name: str, argument: str) -> Outcome:
    row = restriction_rows().find(name)
    if name == "reject" and job.scope.name == "submission":
        return unneeded("submission takes mail of signed-in users only")
    if row is None:
        if name.partition(":")[2]:
            return unsupported("no access tables")
        return unsupported("no such restriction")
    if row.how is How.UNNEEDED:
        return unneeded(row.rest)
    if row.how is How.UNSUPPORTED:
        return unsupported(row.rest)
    return _role_job(job).put(row.rest, ["*"])


def _role_job(job: Job) -> Job:
    """A restriction of main.cf is for port 25: submission has its own in master.cf, and its clients have signed in."""
    if job.scope.where is Where.SITE:
        return Job(job.setting, job.value, Scope(Where.ROLE, "mx"), job.source, job.draft, job.lookups)
    return job


RECEIVING: dict[str, Callable[[Job], Outcome]] = {
    **dict.fromkeys(
        ("smtpd_tls_cert_file", "smtpd_tls_key_file", "smtpd_tls_eccert_file", "smtpd_tls_eckey_file", "smtpd_tls_chain_files"), _certificate
    ),
    "smtpd_tls_security_level": _tls_level,
    "smtpd_use_tls": _old_tls_switch,
    "smtpd_enforce_tls": _old_tls_switch,
    "smtpd_tls_wrappermode": _wrappermode,
    "smtpd_sasl_auth_enable": _sasl_enable,
    "smtpd_sasl_type": _sasl_type,
    "smtpd_timeout": _timeout,
    **dict.fromkeys(("address_verify_poll_count", "address_verify_poll_delay"), _poll),
    **dict.fromkeys(("unverified_recipient_tempfail_action", "unverified_sender_tempfail_action"), _unknown),
    "mailbox_size_limit": _quota,
    "virtual_mailbox_limit": _quota,
    "smtpd_sender_login_maps": _sender_logins,
    "smtpd_reject_unlisted_recipient": _unlisted_recipient,
    "smtpd_hide_client_session": _hide_client,
    "smtputf8_enable": _smtputf8,
    **dict.fromkeys(
        (f"smtpd_{when}_restrictions" for when in ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data", "etrn")), _restrictions
    ),
}
