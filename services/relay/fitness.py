"""May this message go to this server at all? Asked before MAIL, from what the server announced. Pure."""

from services.kernel.mail.envelope import Recipient
from services.kernel.smtp.client_envelope import spoken
from services.kernel.smtp.client_extensions import Extensions
from services.kernel.wire.delivery import DeliveryRequest
from services.relay import trouble as policy
from services.relay.trouble import Scope, Trouble

HEAD_BYTES = 65_536
"""How much of the content is searched for a header section (Postfix ``header_size_limit`` is 102,400 for one header)."""


def refuse_message(request: DeliveryRequest, peer: Extensions) -> Trouble | None:
    """The reason why no recipient can get the message from this server, if there is one."""
    if unable := refuse_nexthop(request, peer):
        return unable
    if 0 < peer.size_bytes < request.content_bytes:  # RFC 1870 section 6.1
        text = f"message of {request.content_bytes} bytes is over the server's limit of {peer.size_bytes}"
        return policy.local(Scope.MESSAGE, "5.3.4", text)
    if _has_line_break(request.sender):
        return policy.local(Scope.MESSAGE, "5.1.7", "the sender's address cannot be sent")
    if not spoken(request.sender, peer).isascii() and not peer.has_smtputf8:
        return _needs_smtputf8(Scope.MESSAGE, "the sender's address")
    return None


def refuse_nexthop(request: DeliveryRequest, peer: Extensions) -> Trouble | None:
    """The reason why the server can do nothing for this next hop: it would put the message somewhere else."""
    if request.nexthop.mbox and not peer.has_xmbox:
        return policy.local(Scope.HERE, "4.3.5", "the server takes no mail for mbox files of the site (routing.mbox_transport)")
    return None


def refuse_recipient(recipient: Recipient, peer: Extensions) -> Trouble | None:
    """The reason why one recipient cannot be named to this server, if there is one."""
    if _has_line_break(recipient.address):
        return policy.local(Scope.RECIPIENT, "5.1.3", "the recipient's address cannot be sent")
    if not spoken(recipient.address, peer).isascii() and not peer.has_smtputf8:
        return _needs_smtputf8(Scope.RECIPIENT, "the recipient's address")
    return None


def needs_header_scan(request: DeliveryRequest, peer: Extensions) -> bool:
    """Whether ``refuse_header`` has to be asked: the message was given as SMTPUTF8, and the server does not take it."""
    return request.smtputf8 and not peer.has_smtputf8


def refuse_header(head: bytes) -> Trouble | None:
    """The reason why content that begins with ``head`` needs SMTPUTF8: its header section is not ASCII (RFC 6532 section 3)."""
    section = head[:HEAD_BYTES].partition(b"\r\n\r\n")[0]
    return None if section.isascii() else _needs_smtputf8(Scope.MESSAGE, "the header")


def needs_conversion(peer: Extensions) -> bool:
    """Whether 8-bit content has to be made 7-bit for this server (RFC 6152 section 3)."""
    return not peer.has_8bitmime


def refuse_conversion(reason: str) -> Trouble:
    """Content that cannot be made 7-bit: conversion required but not possible (RFC 3463 section 3.7, X.6.3)."""
    return policy.local(Scope.MESSAGE, "5.6.3", f"the message is 8-bit, the server does not offer 8BITMIME, and it cannot be converted: {reason}")


def _has_line_break(address: str) -> bool:
    return "\r" in address or "\n" in address


def _needs_smtputf8(scope: Scope, what: str) -> Trouble:
    """RFC 6531 section 3.6, code of RFC 5248's registry: non-ASCII addresses not permitted here."""
    return policy.local(scope, "5.6.7", f"{what} is not ASCII, and the server does not offer SMTPUTF8")
