"""master.cf: each entry becomes a transport, a listening port, or is done by a container here."""

from services.admin.postfix.draft import Draft
from services.admin.postfix.findings import Finding, Outcome, Verdict, translated, unneeded, unsupported
from services.admin.postfix.job import BUILTIN, Job, Scope, Source, Where
from services.admin.postfix.lookups import Lookups
from services.admin.postfix.maincf import Setting
from services.admin.postfix.mastercf import FILE, Entry
from services.admin.postfix.pipes import pipe_transport
from services.admin.postfix.translation import translate

_DONE_HERE = {
    "anvil": "no rates of clients are kept",
    "bounce": "qmgr writes reports",
    "cleanup": "smtpd expands and rewrites",
    "discard": "the transport discard is built in",
    "dnsblog": "there is no postscreen",
    "error": "the transports error and retry are built in",
    "flush": "malle queue flush",
    "local": "mailboxes are mda's",
    "pickup": "mail comes in by SMTP",
    "postlogd": "logs are the containers' and the events",
    "proxymap": "each service reads its tables",
    "qmgr": "qmgr",
    "nqmgr": "qmgr",
    "oqmgr": "qmgr",
    "scache": "relay keeps its connections",
    "showq": "malle queue list",
    "tlsmgr": "OpenSSL keeps its own state",
    "tlsproxy": "there is no postscreen",
    "trivial-rewrite": "routing is in every service that needs it",
    "verify": "verify",
    "virtual": "mailboxes are mda's",
}
_PORTS = {"smtp": 25, "submission": 587, "smtps": 465, "submissions": 465}
_STOCK_PIPES = ("maildrop", "uucp", "ifmail", "bsmtp", "scalemail-backend", "mailman", "cyrus", "old-cyrus")
"""Entries that come with Postfix and its packages, whether a site uses them or not."""


class Services:
    """Translates the entries of one configuration."""

    def __init__(self, source: Source, draft: Draft, lookups: Lookups) -> None:
        self._source = source
        self._draft = draft
        self._lookups = lookups

    def translate(self, entry: Entry, used_names: set[str]) -> None:
        """Find what becomes of an entry and of each ``-o`` it has. Raises ``ImportTrouble``."""
        outcome, scope = self._entry(entry, used_names)
        self._draft.find(Finding(FILE, entry.line, str(entry), outcome.verdict, outcome.text))
        if entry.process_limit not in ("-", "0", "100") and entry.command in ("smtp", "lmtp", "pipe", "smtpd"):
            limit = self._process_limit(entry)
            self._draft.find(Finding(FILE, entry.line, f"{entry} maxproc {entry.process_limit}", limit.verdict, limit.text))
        for name, setting in entry.overrides.items():
            found = outcome if outcome.verdict is Verdict.UNSUPPORTED else self._override(setting, scope)
            self._draft.find(Finding(FILE, entry.line, f"{entry} -o {name}", found.verdict, found.text))

    def _entry(self, entry: Entry, used_names: set[str]) -> tuple[Outcome, Scope]:
        if entry.command in ("smtp", "lmtp"):
            return self._client(entry)
        if entry.command == "pipe":
            if entry.name in _STOCK_PIPES and entry.name not in used_names:
                return unneeded("no table or setting here sends mail to it"), Scope(Where.OTHER, entry.name, entry.overrides, str(entry))
            return pipe_transport(entry, self._draft), Scope(Where.TRANSPORT, entry.name, entry.overrides, str(entry))
        if entry.command == "smtpd":
            return self._server(entry)
        scope = Scope(Where.OTHER, entry.name, entry.overrides, str(entry))
        if entry.command == "postscreen":
            return unsupported("there is no postscreen; smtpd.mx listens on port 25"), scope
        why = _DONE_HERE.get(entry.command)
        return (unneeded(why) if why else unsupported(f"{entry.command} does not run here")), scope

    def _client(self, entry: Entry) -> tuple[Outcome, Scope]:
        scope = Scope(Where.TRANSPORT, entry.name, entry.overrides, str(entry))
        path = ("routing", "transports", entry.name)
        if BUILTIN.get(entry.name) == entry.command:
            return unneeded("the transport is built in"), scope
        self._draft.put((*path, "program"), entry.command)
        return translated(".".join(path)), scope

    def _process_limit(self, entry: Entry) -> Outcome:
        """A command's destinations are one, most often: its limit is theirs. Servers are not counted over all destinations."""
        if entry.command == "smtpd":
            return unneeded("sessions are bounded by smtpd.mx.session_limit")
        path = ("routing", "transports", entry.name, "destination_concurrency_limit")
        if entry.command != "pipe":
            return unsupported(f"deliveries are bounded by destination: {'.'.join(path)}")
        if self._draft.get(path[:3]) is None:
            return unneeded("the transport is not taken over")
        if self._draft.get(path) is None and entry.process_limit.isdecimal():
            self._draft.put(path, int(entry.process_limit))
        return translated(".".join(path))

    def _server(self, entry: Entry) -> tuple[Outcome, Scope]:
        if entry.kind == "pass":
            return unneeded("there is no postscreen"), Scope(Where.ROLE, "mx", entry.overrides, str(entry))
        host, _, port_name = entry.name.rpartition(":")
        port = _PORTS.get(port_name) or (int(port_name) if port_name.isdecimal() else 0)
        is_login = self._says_yes(entry, "smtpd_sasl_auth_enable") or port in (465, 587)
        scope = Scope(Where.ROLE, "submission" if is_login else "mx", entry.overrides, str(entry))
        if host in ("127.0.0.1", "localhost", "[::1]") or entry.kind != "inet":
            return unsupported("a port for content filters and other programs of this host, which there are none of"), scope
        if not port:
            return unsupported(f"{port_name} is no port"), scope
        if host:
            self._draft.notes.append(f"publish port {port} on {host}: MALLEPOSTE_BIND in .env")
        setting = "listen_tls" if self._says_yes(entry, "smtpd_tls_wrappermode") or port == 465 else "listen"
        return self._listen(scope.name, setting, port), scope

    def _listen(self, role: str, setting: str, port: int) -> Outcome:
        """The usual ports are listened on anyway; any other is added to them."""
        usual = {("mx", "listen"): [25], ("submission", "listen"): [587], ("submission", "listen_tls"): [465]}.get((role, setting), [])
        if port in usual:
            return unneeded(f"smtpd.{role}.{setting} has port {port}")
        path = ("smtpd", role, setting)
        known = self._draft.get(path) or [f":{number}" for number in usual]
        self._draft.put(path, [*known, f":{port}"])
        self._draft.notes.append(f"publish port {port} of {role} in a compose.override.yaml")
        return translated(".".join(path))

    def _override(self, setting: Setting, scope: Scope) -> Outcome:
        value = self._source.parameters.expand(setting.value, setting, scope.overrides)
        if setting.name not in ("smtpd_tls_wrappermode",) and value == self._source.parameters.value(setting.name):
            return unneeded("as in main.cf or by default")
        outcome = translate(Job(setting, value, scope, self._source, self._draft, self._lookups))
        if outcome.verdict is Verdict.UNKNOWN and setting.name in self._source.parameters.referenced(override_settings(self._source)):
            return unneeded("other values use it, and there it stands in full")
        return outcome

    def _says_yes(self, entry: Entry, name: str) -> bool:
        setting = entry.overrides.get(name)
        return setting is not None and self._source.parameters.expand(setting.value, setting, entry.overrides) == "yes"


def override_settings(source: Source) -> list[Setting]:
    """Each ``-o`` of master.cf."""
    return [setting for entry in source.entries for setting in entry.overrides.values()]
