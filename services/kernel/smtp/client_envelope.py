"""The envelope as a client says it: MAIL and RCPT commands with the parameters that the server understands."""

from dataclasses import dataclass, field

from services.kernel.mail.domain import address_to_ascii
from services.kernel.mail.envelope import Body, Recipient
from services.kernel.mail.parameters import encode_orcpt, encode_xtext
from services.kernel.smtp.client_extensions import Extensions


@dataclass(frozen=True, slots=True)
class Mail:
    """The envelope of one transaction. ``trace`` is ``<trace id>/<queue id>``; the rest as in ``kernel.mail.envelope``.

    ``mbox`` is the file of the site's that the server is to append to, which it must have announced.
    """

    sender: str
    recipients: list[Recipient] = field(default_factory=list)
    size_bytes: int = 0
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    trace: str = ""
    mbox: str = ""

    @property
    def has_utf8_addresses(self) -> bool:
        """Some address is not ASCII."""
        return not (self.sender.isascii() and all(recipient.address.isascii() for recipient in self.recipients))


def spoken(address: str, peer: Extensions) -> str:
    """The form of an address that this server can be told. Without SMTPUTF8 a domain goes as A-labels (RFC 5890), for which
    RFC 6531 section 3.2 gives leave; a local part has no other form, and the address then stays as it is.
    """
    return address if peer.has_smtputf8 else address_to_ascii(address)


def mail_command(mail: Mail, peer: Extensions, *, is_lmtp: bool) -> bytes:
    """The MAIL command. Over LMTP the duty to report stays with us, so RET and ENVID are not passed on."""
    parts = [f"MAIL FROM:<{spoken(mail.sender, peer)}>"]
    if peer.has_size and mail.size_bytes:
        parts.append(f"SIZE={mail.size_bytes}")  # RFC 1870 section 3
    if peer.has_8bitmime and mail.body is not Body.SEVEN_BIT:
        parts.append("BODY=8BITMIME")  # RFC 6152 section 3
    if peer.has_smtputf8 and (mail.smtputf8 or mail.has_utf8_addresses):
        parts.append("SMTPUTF8")  # RFC 6531 section 3.4
    if peer.has_dsn and not is_lmtp:
        if mail.ret:
            parts.append(f"RET={mail.ret}")  # RFC 3461 section 4.3
        if mail.envid:
            parts.append(f"ENVID={encode_xtext(mail.envid)}")  # RFC 3461 section 4.4
    if peer.has_xtrace and mail.trace:
        parts.append(f"XTRACE={mail.trace}")
    if mail.mbox:
        parts.append(f"XMBOX={mail.mbox}")
    return f"{' '.join(parts)}\r\n".encode()


def rcpt_command(recipient: Recipient, peer: Extensions, *, is_lmtp: bool) -> bytes:
    """The RCPT command. A recipient that an alias changed carries what the sender wrote (RFC 3461 section 5.2.1)."""
    command = f"RCPT TO:<{spoken(recipient.address, peer)}>"
    if peer.has_dsn:
        if recipient.notify and not is_lmtp:
            command += f" NOTIFY={recipient.notify}"  # RFC 3461 section 4.1
        if recipient.orcpt:
            command += f" ORCPT={encode_orcpt(recipient.orcpt, is_utf8=peer.has_smtputf8)}"  # RFC 3461 section 4.2
        elif recipient.original and recipient.original != recipient.address:
            kind = "rfc822" if recipient.original.isascii() else "utf-8"  # RFC 6533 section 3
            command += f" ORCPT={encode_orcpt(f'{kind};{recipient.original}', is_utf8=peer.has_smtputf8)}"
    return f"{command}\r\n".encode()
