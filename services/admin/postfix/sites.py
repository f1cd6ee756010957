"""Which mail is ours: parameters whose meaning is more than one setting."""

from collections.abc import Callable

from services.admin.postfix.findings import Outcome, Verdict, translated, unneeded, unsupported
from services.admin.postfix.job import Job
from services.admin.postfix.lines import split_words
from services.admin.postfix.lookups import NotBrought
from services.kernel.mail.domain import is_domain
from services.kernel.tables.lines import logical_lines
from services.kernel.tables.text import split_entry

ACCOUNTS_LIMIT = 1000
"""Mailboxes that are written down for the directory; a larger site has a list of its own."""


def domain_list(job: Job) -> tuple[list[str], list[str]]:
    """A list of names and tables with ``/file`` taken in, and the names alone. Raises ``NotBrought``, ``ValueError``."""
    patterns = list[str]()
    for word in split_words(job.value):
        negated = "!" * (len(word) - len(word.lstrip("!")))
        bare = word.lstrip("!")
        if bare.startswith("/"):
            patterns += [negated + line for line in job.lookups.lines(bare)]
        else:
            patterns.append(negated + (job.lookups.table(bare) if ":" in bare else bare))
    return patterns, [name for name in patterns if is_domain(name)]


def _hosted(setting: str) -> Callable[[Job], Outcome]:
    """Domains with mailboxes here: a setting, and for the literal names the directory."""

    def convert(job: Job) -> Outcome:
        patterns, names = domain_list(job)
        job.draft.domains.update(dict.fromkeys(name for name in names if not name.startswith("localhost")))
        outcome = job.put(setting, patterns)
        if outcome.verdict is Verdict.TRANSLATED:
            return translated(outcome.text, "directory.yaml") if names else outcome
        if len(names) < len(patterns):
            return outcome
        return translated("directory.yaml") if names else unneeded("it is empty")

    return convert


def _virtual_alias_domains(job: Job) -> Outcome:
    if job.source.parameters.expand("$virtual_alias_maps", job.setting) == job.value:
        return unneeded("a domain that is a key of virtual_alias_maps is an alias domain")
    return job.put("routing.virtual_alias_domains", domain_list(job)[0])


def _virtual_mailbox_maps(job: Job) -> Outcome:
    """The keys of text tables are the mailboxes, written down for the directory; a catch-all or a pattern has none to write. Where another
    program has the mailboxes, the tables say which there are."""
    if _has_mailboxes_elsewhere(job, "virtual_transport"):
        return job.put("routing.virtual_mailbox_maps", [job.lookups.table(word) for word in split_words(job.value)])
    count, others = 0, 0
    for word in split_words(job.value):
        for address in _keys(job, word):
            if "@" in address and not address.startswith("@") and count < ACCOUNTS_LIMIT:
                job.draft.accounts[address.lower()] = None
                count += 1
            elif "@" not in address and is_domain(address):  # the domain itself, for virtual_mailbox_domains
                job.draft.domains[address.lower()] = None
            else:
                others += 1
    if others:
        return unsupported(f"{count} mailboxes are in directory.yaml, {others} entries are no mailbox or too many: see malle account, malle alias")
    return translated("directory.yaml")


def _has_mailboxes_elsewhere(job: Job, parameter: str) -> bool:
    """Whether mail goes over the network to a program that is not ours."""
    name, _, nexthop = job.other(parameter).partition(":")
    return name not in ("local", "virtual", "error", "retry", "discard") and bool(nexthop) and not nexthop.startswith("unix:")


def _keys(job: Job, word: str) -> list[str]:
    kind, _, rest = word.removeprefix("proxy:").partition(":")
    if kind in ("hash", "lmdb", "btree", "cdb", "dbm", "texthash", "sdbm"):
        data = job.lookups.path(rest).read_bytes()
        return list(dict.fromkeys(split_entry(line)[0].decode(errors="surrogateescape").lower() for _, line in logical_lines(data)))
    raise NotBrought(f"mailboxes are accounts of the directory, and those of a {kind} table are not listed here: malle directory import")


def _local_recipient_maps(job: Job) -> Outcome:
    if not job.value:
        return unsupported("every local user would be taken: an alias @domain in virtual_alias_maps does that")
    aliases = split_words(job.other("alias_maps"))
    if all(word.removeprefix("proxy:").startswith("unix:passwd") or word in aliases for word in split_words(job.value)):
        return unneeded("local users are accounts of the directory")
    if _has_mailboxes_elsewhere(job, "local_transport"):
        tables = [word for word in split_words(job.value) if not word.removeprefix("proxy:").startswith("unix:passwd")]
        return job.put("routing.local_recipient_maps", [job.lookups.table(word) for word in tables])
    return unsupported("local users are accounts of the directory: malle account add")


def _myorigin(job: Job) -> Outcome:
    origin = job.value
    if origin.startswith("/"):  # Debian: the first line of a file
        origin = (job.lookups.lines(origin) or [""])[0]
    return job.put("routing.myorigin", origin)


def _mydestination(job: Job) -> Outcome:
    """Without any, not even this host's own name is local: a null client."""
    if not split_words(job.value):
        return job.put("routing.mydestination", [f"!{job.other('myhostname')}"])
    return _hosted("routing.mydestination")(job)


def _recipient_delimiter(job: Job) -> Outcome:
    return job.put("site.recipient_delimiter", job.value)


def _mynetworks(job: Job) -> Outcome:
    rest = [word for word in split_words(job.value) if not word.startswith(("127.", "[::1]", "[::ffff:127.", "::1", "localhost"))]
    if not rest:
        return unneeded("no client is trusted by its address")
    return unsupported(
        "no client is trusted by its address, as behind a published port all may have one: give each machine an account"
        " (malle account add) and let it send by the submission port"
    )


def _inet_interfaces(job: Job) -> Outcome:
    if job.value in ("loopback-only", "localhost", "127.0.0.1"):
        return unneeded("the ports are published on 127.0.0.1 unless MALLEPOSTE_BIND says more")
    job.draft.notes.append(f"publish the ports with MALLEPOSTE_BIND in .env (inet_interfaces = {job.value})")
    return unneeded("MALLEPOSTE_BIND in .env says where the ports are published")


def _inet_protocols(job: Job) -> Outcome:
    if job.value == "ipv4":
        return unneeded("the relay uses IPv6 where its container has it; Docker gives none unless told to")
    return unneeded("IPv4 and IPv6 are used where the containers have them")


def _proxy_interfaces(job: Job) -> Outcome:
    addresses = split_words(job.value)
    outcomes = [job.put(target, addresses) for target in ("relay.own_addresses", "role.own_addresses")]
    return translated(*(outcome.text for outcome in outcomes))


def _parent_domains(job: Job) -> Outcome:
    here = [name for name in split_words(job.value) if name in ("relay_domains", "transport_maps")]
    return job.put("routing.parent_domain_matches_subdomains", here)


def _only(wanted: str, why_unneeded: str, why_unsupported: str) -> Callable[[Job], Outcome]:
    """A parameter of which one value is how things are here."""

    def convert(job: Job) -> Outcome:
        return unneeded(why_unneeded) if job.value == wanted else unsupported(why_unsupported)

    return convert


SITES: dict[str, Callable[[Job], Outcome]] = {
    "myorigin": _myorigin,
    "inet_interfaces": _inet_interfaces,
    "inet_protocols": _inet_protocols,
    "proxy_interfaces": _proxy_interfaces,
    "mynetworks": _mynetworks,
    "mynetworks_style": _only("host", "no client is trusted by its address", "no client is trusted by its address: see mynetworks"),
    "recipient_delimiter": _recipient_delimiter,
    "mydestination": _mydestination,
    "local_recipient_maps": _local_recipient_maps,
    "virtual_alias_domains": _virtual_alias_domains,
    "virtual_mailbox_domains": _hosted("routing.virtual_mailbox_domains"),
    "virtual_mailbox_maps": _virtual_mailbox_maps,
    "parent_domain_matches_subdomains": _parent_domains,
    "append_at_myorigin": _only("yes", "an address without a domain gets one", "an address without a domain gets one"),
}
