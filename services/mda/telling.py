"""What mda tells of a message for one recipient."""

import time
from typing import Any

from services.kernel.mailbox.records import Appended
from services.kernel.wire.events import Emitter, Kind
from services.mda.transfer import Parcel


class Teller:
    """Emits events with what all of them say of the message."""

    def __init__(self, emitter: Emitter) -> None:
        self._emitter = emitter

    def stored(self, parcel: Parcel, folder: str, appended: Appended, size_bytes: int) -> None:
        """A copy is in a folder."""
        self._emit(
            Kind.STORED,
            parcel,
            original=parcel.target.original,
            bytes=size_bytes,
            seconds=round(time.monotonic() - parcel.transfer.begun, 6),
            folder=folder,
            uid=appended.uid,
        )

    def trouble(self, parcel: Parcel, stage: str, reason: str) -> None:
        """Something went wrong."""
        self._emit(Kind.TROUBLE, parcel, stage=stage, reason=reason)

    def rejected(self, parcel: Parcel, reply: str) -> None:
        """The recipient's rules refuse the message."""
        self._emit(Kind.REJECTED, parcel, stage="sieve", reply=reply)

    def discarded(self, parcel: Parcel) -> None:
        """The recipient's rules want no copy."""
        self._emit(Kind.DISCARDED, parcel)

    def sent(self, kind: Kind, parcel: Parcel, queue_id: str, address: str) -> None:
        """A message of its own followed from this one."""
        transfer = parcel.transfer
        self._emitter.emit(kind, trace=transfer.trace_id or queue_id, queue_id=queue_id, caused_by=transfer.queue_id,
                           original=parcel.target.recipient, recipient=address)  # fmt: skip

    def _emit(self, kind: Kind, parcel: Parcel, **facts: Any) -> None:
        transfer = parcel.transfer
        self._emitter.emit(
            kind,
            trace=transfer.trace_id,
            queue_id=transfer.queue_id,
            message_id=parcel.facts.message_id,
            sender=transfer.sender,
            recipient=parcel.target.recipient,
            **facts,
        )
