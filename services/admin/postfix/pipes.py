"""An entry of master.cf that runs pipe(8) as a transport with the program pipe."""

import re

from services.admin.postfix.draft import Draft
from services.admin.postfix.findings import Finding, Outcome, Verdict, translated, unsupported
from services.admin.postfix.lines import unbrace
from services.admin.postfix.mastercf import FILE, Entry

_SETTINGS = {name: name for name in ("user", "flags", "argv", "directory", "null_sender", "eol")} | {"size": "size_limit"}
_UNSUPPORTED = {"chroot": "a command sees its container only"}
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_ESCAPE = re.compile(r"\\([0-7]{1,3}|.)")


def pipe_transport(entry: Entry, draft: Draft) -> Outcome:
    """Write the transport; attributes that there are not have a finding each. Without ``argv`` and ``user`` it is none."""
    attributes = _attributes(entry.arguments)
    if not attributes.get("argv"):
        return unsupported("argv= is missing")
    path = ("routing", "transports", entry.name)
    draft.put((*path, "program"), "pipe")
    for name, value in attributes.items():
        if name in _SETTINGS:
            draft.put((*path, _SETTINGS[name]), value)
            continue
        why = _UNSUPPORTED.get(name, "pipe(8) has no such attribute")
        draft.find(Finding(FILE, entry.line, f"{entry} {name}=", Verdict.UNSUPPORTED, why))
    argv = attributes["argv"]
    command = argv[0] if isinstance(argv, list) else argv
    draft.notes.append(f"put {command} (transport {entry.name}) into the folder of programs; the service pipe runs it")
    return translated(".".join(path))


def _attributes(arguments: tuple[str, ...]) -> dict[str, object]:
    """``flags=FR user=vmail:mail argv=/bin/cmd -d ${recipient}``: all that follows argv= belongs to it."""
    found: dict[str, object] = {}
    words = iter(arguments)
    for word in words:
        name, _, value = unbrace(word).partition("=")
        if name == "argv":
            found["argv"] = [unbrace(part) for part in (value, *words)]
        elif name == "size":
            found["size"] = int(value) if value.isdecimal() else value
        elif name == "eol":
            found["eol"] = _ESCAPE.sub(_unescape, value)
        elif name:
            found[name] = value
    return found


def _unescape(match: re.Match[str]) -> str:
    """C's escapes, as pipe(8) has them for ``eol``."""
    return chr(int(match[1], 8)) if match[1][0] in "01234567" else _ESCAPES.get(match[1], match[1])
