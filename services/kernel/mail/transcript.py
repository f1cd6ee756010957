"""A dialogue with a server, kept as words."""

import msgspec


class Transcript(msgspec.Struct, frozen=True, gc=False):
    """The dialogue with one server that did not take all.

    Lines are as they crossed the wire, ``C: `` ours, ``S: `` theirs, ``-- `` what happened besides. Secrets and content are left out.
    """

    server: str
    lines: list[str]
