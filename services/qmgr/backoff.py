"""When a message is tried again, and when it has waited long enough. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.kernel.mail.envelope import Envelope
from services.kernel.routing.options import Transport
from services.kernel.wire.delivery import NextHop, Protocol
from services.qmgr.config import QmgrSettings
from services.qmgr.site import SiteRules

SPREAD = 0.1
"""Of a wait: so much longer it may be by chance, so that what failed together does not come back together."""


@dataclass(slots=True)
class Backoff:
    """The times of ``QmgrSettings`` and the limits of transports, as decisions. A reload puts others in."""

    settings: QmgrSettings
    transports: Mapping[str, Transport] = field(default_factory=dict)

    def site_rules(self, nexthop: NextHop) -> SiteRules:
        """What a destination is held to: an LMTP destination belongs to this site, so it takes more and is soon back.

        What its transport says comes first.
        """
        settings = self.settings
        own = self.transports.get(nexthop.transport, _SILENT)
        is_local = nexthop.protocol is Protocol.LMTP
        initial = settings.mailbox_concurrency_limit if is_local else settings.initial_destination_concurrency
        limit = settings.mailbox_concurrency_limit if is_local else settings.destination_concurrency_limit
        rate_delay = 0.0 if is_local else settings.destination_rate_delay_seconds
        if nexthop.is_backup:
            limit = settings.backup_concurrency_limit
        return SiteRules(
            initial=own.initial_destination_concurrency or initial,
            limit=own.destination_concurrency_limit or limit,
            cohort_limit=settings.destination_failed_cohort_limit,
            minimal=settings.mailbox_backoff_seconds if is_local else settings.minimal_backoff_seconds,
            maximal=settings.minimal_backoff_seconds if is_local else settings.maximal_backoff_seconds,
            recipients=own.destination_recipient_limit or settings.recipients_per_delivery,
            rate_delay=rate_delay if own.destination_rate_delay_seconds is None else own.destination_rate_delay_seconds,
            transport_delay=own.transport_rate_delay_seconds or 0.0,
            rate=settings.backup_rate_limit if nexthop.is_backup else 0.0,
        )

    @property
    def longest_wait(self) -> float:
        """No plan is further away than this, whether for a message or for a destination."""
        settings = self.settings
        longest = max(settings.maximal_backoff_seconds, settings.minimal_backoff_seconds, settings.mailbox_backoff_seconds)
        return longest * (1.0 + SPREAD)

    def wait(self, envelope: Envelope, age: float, chance: float, *, soon: bool = False, is_backup: bool = False) -> float:
        """Seconds to the next attempt: as long as the message has been here already (so waits double), between minimum and maximum.

        ``soon`` is for trouble of our own: shorter minimum, and the usual minimum as the maximum. ``chance`` (0 to 1) spreads by ``SPREAD``.
        """
        settings = self.settings
        minimal = settings.mailbox_backoff_seconds if soon else settings.minimal_backoff_seconds
        maximal = settings.minimal_backoff_seconds if soon else settings.maximal_backoff_seconds
        wait = min(max(age, minimal), maximal)
        return min(wait * (1.0 + SPREAD * chance), max(self.lifetime(envelope, is_backup=is_backup) - age, minimal))

    def attempts(self, envelope: Envelope, count: int, *, is_backup: bool = False) -> list[float]:
        """Seconds after the arrival of the first ``count`` attempts at most, if each one but the last fails for the message's own sake."""
        times, lifetime = [0.0], self.lifetime(envelope, is_backup=is_backup)
        while len(times) < count and times[-1] < lifetime:
            times.append(times[-1] + self.wait(envelope, times[-1], 0.0, is_backup=is_backup))
        return times

    def lifetime(self, envelope: Envelope, *, is_backup: bool = False) -> float:
        """The age at which the message is given up for a recipient; ``is_backup`` for one whose domain we only back up."""
        if is_backup:
            return self.settings.backup_lifetime_seconds
        is_report = envelope.is_bounce or not envelope.sender
        return self.settings.bounce_lifetime_seconds if is_report else self.settings.lifetime_seconds

    def warns(self, envelope: Envelope, age: float) -> bool:
        """Its sender may now be told of a delay. A report never makes a report."""
        after = self.settings.delay_warning_seconds
        return bool(after and envelope.sender and not envelope.is_bounce and age >= after)


_SILENT = Transport()
