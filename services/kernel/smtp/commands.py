"""MAIL and RCPT as values: parsing and checking what a client wrote, before anybody decides on it."""

from dataclasses import dataclass, field

from services.kernel.mail.envelope import Body


@dataclass(frozen=True, slots=True)
class Mail:
    """MAIL FROM (RFC 5321 section 4.1.1.2).

    ``sender`` is the reverse-path without brackets, ``""`` the null sender. ``size`` is the announced size in bytes, 0 when there was none
    (RFC 1870). ``ret`` and ``envid`` are RFC 3461's, ENVID decoded. ``private`` holds the parameters named in ``Rules.private_parameters``.
    """

    sender: str
    size: int = 0
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    private: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rcpt:
    """RCPT TO (RFC 5321 section 4.1.1.3); ``orcpt`` is the decoded ``type;address`` and ``notify`` the words of RFC 3461, or empty."""

    recipient: str
    orcpt: str = ""
    notify: str = ""
