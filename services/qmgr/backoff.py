"""When a message is tried again, and when it has waited long enough. Pure."""

from dataclasses import dataclass

from services.kernel.mail.envelope import Envelope
from services.kernel.wire.delivery import NextHop, Protocol
from services.qmgr.config import QmgrSettings
from services.qmgr.site import SiteRules


@dataclass(slots=True)
class Backoff:
    """The times of ``QmgrSettings``, as decisions. A reload puts other settings in."""

    settings: QmgrSettings

    def site_rules(self, nexthop: NextHop) -> SiteRules:
        """What a destination is held to: an LMTP destination belongs to this site, so it takes more and is soon back."""
        settings = self.settings
        is_local = nexthop.protocol is Protocol.LMTP
        return SiteRules(
            initial=settings.mailbox_concurrency_limit if is_local else settings.initial_destination_concurrency,
            limit=settings.mailbox_concurrency_limit if is_local else settings.destination_concurrency_limit,
            cohort_limit=settings.destination_failed_cohort_limit,
            minimal=settings.mailbox_backoff_seconds if is_local else settings.minimal_backoff_seconds,
            maximal=settings.minimal_backoff_seconds if is_local else settings.maximal_backoff_seconds,
        )

    def retry_at(self, envelope: Envelope, now: float, chance: float, *, soon: bool = False) -> float:
        """The next attempt: after as long as the message has been here already (so waits double), between minimum and maximum.

        ``soon`` is for trouble of our own: shorter minimum, and the usual minimum as the maximum. ``chance`` (0 to 1) spreads by a tenth.
        """
        settings = self.settings
        minimal = settings.mailbox_backoff_seconds if soon else settings.minimal_backoff_seconds
        maximal = settings.minimal_backoff_seconds if soon else settings.maximal_backoff_seconds
        wait = min(max(now - envelope.arrived, minimal), maximal)
        return min(now + wait * (1.0 + 0.1 * chance), max(self.expires_at(envelope), now + minimal))

    def expires_at(self, envelope: Envelope) -> float:
        """When the message is given up."""
        is_report = envelope.is_bounce or not envelope.sender
        return envelope.arrived + (self.settings.bounce_lifetime_seconds if is_report else self.settings.lifetime_seconds)

    def warns(self, envelope: Envelope, now: float) -> bool:
        """Its sender may now be told of a delay. A report never makes a report."""
        after = self.settings.delay_warning_seconds
        return bool(after and envelope.sender and not envelope.is_bounce and now - envelope.arrived >= after)
