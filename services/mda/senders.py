"""The envelope sender of what a user's rules send."""

from services.kernel.sieve import addresses
from services.mda.transfer import Parcel


def envelope_sender(choice: str, parcel: Parcel) -> str:
    """What ``sieve.redirect_sender`` or ``sieve.notify_sender`` means for one message.

    The null sender stays: whoever answers a report would begin a circle (RFC 5321 section 4.5.5).
    """
    sender, target = parcel.transfer.sender, parcel.target
    if not sender or choice == "<>":
        return ""
    if choice == "original":
        return addresses.to_send(target.original) or target.mailbox
    return {"sender": sender, "recipient": target.mailbox}.get(choice, choice)
