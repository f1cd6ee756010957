"""Where mail goes and how it gets there: parameters whose meaning is more than one setting."""

from collections.abc import Callable

from services.admin.postfix.findings import Outcome, translated, unneeded, unsupported
from services.admin.postfix.job import BUILTIN, Job, Where
from services.admin.postfix.lines import split_words
from services.admin.postfix.values import parse_flag, parse_seconds

_OURS = ("local", "virtual")
"""Transports of Postfix that write into mailboxes."""
_HERE = ("localhost", "127.0.0.1", "[localhost]", "[127.0.0.1]", "[::1]")
_SYSTEM_CAS = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/tls/cert.pem", "/etc/ssl/cert.pem")


def _relayhost(job: Job) -> Outcome:
    host = job.value
    if _is_here(host):
        return unsupported(f"{host} is the container itself: name the host as the network knows it")
    return job.put("routing.relayhost", host)


def _transport(setting: str) -> Callable[[Job], Outcome]:
    """A transport and next hop that a class of domains goes by."""

    def convert(job: Job) -> Outcome:
        name, _, nexthop = job.value.partition(":")
        if not _exists(job, name):
            return unsupported(f"there is no transport {name} here")
        if _is_here(nexthop):
            return unsupported(f"{nexthop} is the container itself: name the host as the network knows it")
        return job.put(setting, job.value)

    return convert


def _default_transport(job: Job) -> Outcome:
    return unneeded("it is the default") if job.value == "smtp" else _transport("routing.default_transport")(job)


def _relay_transport(job: Job) -> Outcome:
    return unneeded("it is the default") if job.value == "relay" else _transport("routing.relay_transport")(job)


def _mailbox_transport(setting: str) -> Callable[[Job], Outcome]:
    """``local_transport``, ``virtual_transport``: what writes into mailboxes of its own is ``mda`` here."""

    def convert(job: Job) -> Outcome:
        name, _, nexthop = job.value.partition(":")
        if name in _OURS or not name:
            return unneeded("mailboxes are mda's")
        if name == "lmtp" and nexthop.startswith("unix:"):
            return unsupported(f"a socket of this host: mail goes to mda's mailboxes; {setting}: lmtp:inet:HOST:24 keeps the other program")
        entry = job.source.entry(name)
        if name in ("dovecot", "maildrop", "cyrus") and entry is not None and entry.command == "pipe":
            return unsupported(f"mail goes to mda's mailboxes; {setting}: {job.value} keeps the command, run by the service pipe")
        return _transport(setting)(job)

    return convert


def _exists(job: Job, name: str) -> bool:
    if name in BUILTIN or name in ("error", "retry", "discard", ""):
        return True
    entry = job.source.entry(name)
    return entry is not None and entry.command in ("smtp", "lmtp", "pipe", "error", "discard")


def _is_here(nexthop: str) -> bool:
    host = nexthop.removeprefix("inet:")
    return any(host == here or host.startswith(f"{here}:") for here in _HERE)


def _disable_dns(job: Job) -> Outcome:
    if not parse_flag(job.value):
        return unneeded("DNS is used")
    return unsupported("hosts are found by DNS: write them in brackets, and their names are still looked up")


def _dns_support(job: Job) -> Outcome:
    if job.value in ("enabled", "dnssec"):
        return job.put("relay.dns_support_level", job.value)
    return unsupported("hosts are found by DNS") if job.value else unneeded("DNS is used")


def _command_time_limit(job: Job) -> Outcome:
    seconds = parse_seconds(job.value, "s")
    pipes = [entry.name for entry in job.source.entries if entry.command == "pipe"]
    for name in pipes:
        job.draft.put(("routing", "transports", name, "time_limit_seconds"), seconds)
    return translated(*(f"routing.transports.{name}.time_limit_seconds" for name in pipes)) if pipes else unneeded("no transport runs a command")


def _tls_level(job: Job) -> Outcome:
    level = job.value.lower()
    if not level:
        if job.scope.where is Where.SITE:
            return unneeded("smtp_use_tls and smtp_enforce_tls say it")
        level = "none"
    return job.put("outgoing.tls.level", level)


def _old_tls_switch(level: str) -> Callable[[Job], Outcome]:
    """``smtp_use_tls`` and ``smtp_enforce_tls``, from before ``smtp_tls_security_level`` (which goes before them)."""

    def convert(job: Job) -> Outcome:
        prefix = job.name.partition("_")[0]
        if job.other(f"{prefix}_tls_security_level"):
            return unneeded(f"{prefix}_tls_security_level goes before it")
        if not parse_flag(job.value):
            return unneeded("TLS is used where it is offered")
        if level == "may" and job.other(f"{prefix}_enforce_tls") == "yes":
            return unneeded(f"{prefix}_enforce_tls goes before it")
        return job.put("outgoing.tls.level", level)

    return convert


def _ca_file(job: Job) -> Outcome:
    if not job.value or job.value in _SYSTEM_CAS:
        return unneeded("the system's own list of CAs is used")
    return job.put("outgoing.tls.ca_file", job.lookups.file(job.value))


def _ca_path(job: Job) -> Outcome:
    if not job.value or job.value.rstrip("/") in ("/etc/ssl/certs", "/etc/pki/tls/certs"):
        return unneeded("the system's own list of CAs is used")
    return unsupported("put the CAs into one file and name it in smtp_tls_CAfile")


def _fingerprints(job: Job) -> Outcome:
    return job.put("outgoing.tls.fingerprint_cert_match", [item for word in split_words(job.value) for item in word.split("|")])


def _protocols(option: str) -> Callable[[Job], Outcome]:
    def convert(job: Job) -> Outcome:
        words = split_words(job.value)
        if words and all(word.lower() in ("!sslv2", "!sslv3", "!tlsv1", "!tlsv1.1") for word in words):
            return unneeded("TLS 1.2 and 1.3")
        if job.value.replace(" ", "").lower() in (">=tlsv1", ">=tlsv1.1", ">=tlsv1.2", ""):
            return unneeded("TLS 1.2 and 1.3")
        return job.put(f"outgoing.tls.{option}", job.value)

    return convert


def _verified_security_options(job: Job) -> Outcome:
    if job.value == job.other(job.name.replace("_tls_verified_", "_tls_")):
        return unneeded("the same as for any TLS")
    return unsupported("smtp_sasl_tls_security_options hold for verified servers, too")


def _is_only(wanted: str, why: str, instead: str) -> Callable[[Job], Outcome]:
    """A parameter of which one value is how things are here."""

    def convert(job: Job) -> Outcome:
        return unneeded(why) if job.value == wanted else unsupported(instead)

    return convert


def _by_sender(job: Job) -> Outcome:
    value = parse_flag(job.value)
    if job.scope.where is Where.TRANSPORT:
        path = ("routing", "transports", job.scope.name, "sender_dependent_authentication")
        job.draft.put(path, value)
        return translated(".".join(path))
    return job.put("routing.sender_dependent_authentication", value)


def _rest(job: Job) -> Outcome:
    program = "lmtp" if job.name.startswith("lmtp_") else "smtp"
    return job.put(f"relay.connections.{program}_rest_seconds", parse_seconds(job.value, "s"))


RELAYING: dict[str, Callable[[Job], Outcome]] = {
    "relayhost": _relayhost,
    "default_transport": _default_transport,
    "relay_transport": _relay_transport,
    "local_transport": _mailbox_transport("routing.local_transport"),
    "virtual_transport": _mailbox_transport("routing.mailbox_transport"),
    "mailbox_transport": _mailbox_transport("routing.local_transport"),
    "disable_dns_lookups": _disable_dns,
    "smtp_dns_support_level": _dns_support,
    "command_time_limit": _command_time_limit,
    "smtp_tls_security_level": _tls_level,
    "smtp_use_tls": _old_tls_switch("may"),
    "smtp_enforce_tls": _old_tls_switch("encrypt"),
    "smtp_tls_CAfile": _ca_file,
    "smtp_tls_CApath": _ca_path,
    "smtp_tls_fingerprint_cert_match": _fingerprints,
    "smtp_tls_protocols": _protocols("protocols"),
    "smtp_tls_mandatory_protocols": _protocols("mandatory_protocols"),
    "smtp_sasl_tls_verified_security_options": _verified_security_options,
    "smtp_sasl_type": _is_only("cyrus", "SASL is built in", "SASL is built in, with PLAIN, LOGIN, CRAM-MD5, SCRAM and XOAUTH2"),
    "smtp_sasl_password_result_delimiter": _is_only(":", "a colon parts user and password", "a colon parts user and password"),
    "smtp_sasl_auth_soft_bounce": _is_only("yes", "a refused login defers", "a refused login defers"),
    "smtp_sender_dependent_authentication": _by_sender,
    "smtp_connection_cache_time_limit": _rest,
    "smtp_tcp_port": _is_only("smtp", "the port is SMTP's", "name the port with the next hop: relayhost = [host]:port"),
    "known_tcp_ports": _is_only(
        "lmtp=24, smtp=25, smtps=submissions=465, submission=587", "the names of mail's ports are known", "write ports as numbers"
    ),
}
