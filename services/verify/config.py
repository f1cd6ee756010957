"""The ``verify`` section."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from services.kernel.routing.config import RoutingSettings
from services.kernel.runtime.config import Section

Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Time = Annotated[str, BeforeValidator(str), Field(pattern=r"^[0-9]+[smhdw]?$")]
"""A time as Postfix writes it; seconds without a unit."""

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def to_seconds(time: str) -> float:
    """The seconds of a ``Time``."""
    unit = _UNIT_SECONDS.get(time[-1])
    return float(time if unit is None else time[:-1]) * (unit or 1)


_ROUTING_NAMES = {"virtual_transport": "mailbox_transport"}
"""Where ``routing`` has another name than Postfix."""


class VerifySettings(Section):
    """Address verification: the cache and the probes. Who is verified is said in `smtpd.mx` and `smtpd.submission`."""

    listen: str = "unix:/run/verdict/verify"
    """Where smtpd asks: a socket in a volume that the two share."""
    control: str = "tcp::7026"
    """Where the operator's requests are answered."""
    relay: str = "tcp:relay-core:7025"
    """Where relay takes probes."""
    cache_directory: Path = Path("/verify")
    """The cache's volume."""
    address_verify_sender: str = "postmaster"
    """Envelope sender of probes; without a domain of `site.hostname`, empty for the null sender (Postfix `address_verify_sender`, there
    `double-bounce`). Mail to it must be taken here, or servers that verify senders refuse the probe."""
    address_verify_transport_maps: tuple[str, ...] | None = None
    """In place of `routing.transport_maps`, for probes only; unset, as for mail. So for the following (Postfix, the same names)."""
    address_verify_local_transport: str | None = None
    """In place of `routing.local_transport`."""
    address_verify_virtual_transport: str | None = None
    """In place of `routing.mailbox_transport`."""
    address_verify_relay_transport: str | None = None
    """In place of `routing.relay_transport`."""
    address_verify_default_transport: str | None = None
    """In place of `routing.default_transport`."""
    address_verify_relayhost: str | None = None
    """In place of `routing.relayhost`: empty asks the servers of senders themselves, where a smarthost would take every address."""
    address_verify_sender_dependent_relayhost_maps: tuple[str, ...] | None = None
    """In place of `routing.sender_dependent_relayhost_maps`."""
    address_verify_sender_dependent_default_transport_maps: tuple[str, ...] | None = None
    """In place of `routing.sender_dependent_default_transport_maps`."""
    address_verify_positive_expire_time: Time = "31d"
    """When a known good address is forgotten (Postfix, the same name)."""
    address_verify_positive_refresh_time: Time = "7d"
    """When a known good address is probed again once it is asked for; whatever is found it stays good until it expires (Postfix, the same name)."""
    address_verify_negative_expire_time: Time = "3d"
    """When a known bad address is forgotten (Postfix, the same name)."""
    address_verify_negative_refresh_time: Time = "3h"
    """When a known bad address is probed again once it is asked for (Postfix, the same name)."""
    address_verify_negative_cache: bool = True
    """Remember bad addresses at all (Postfix `address_verify_negative_cache`)."""
    unknown_seconds: Seconds = 60.0
    """An address of which a probe found nothing out is not probed again for so long. Postfix has its negative times here, three hours."""
    site_down_seconds: Seconds = 30.0
    """A next hop that could not be reached is not tried again for so long: its unknown addresses stay unknown without a wait."""
    cache_entries: Count = 1_000_000
    """Addresses remembered, some 200 bytes each. Beyond it unknown ones go first, then bad ones, then good ones, the oldest first."""
    probes_limit: Count = 50
    """Most probes at a time; they share relay's connections with mail."""
    destination_probes_limit: Count = 10
    """Most probes at a time at one next hop."""
    waiting_limit: Count = 1000
    """Most probes that wait for their turn; further addresses are unknown at once."""
    probes_per_second: Annotated[float, Field(gt=0)] = 20.0
    """Most probes begun in a second, in the long run."""
    events_directory: Path = Path("/events")
    """Where events are written for `admin`."""
    metrics_address: str = ":9100"
    """Where Prometheus metrics are answered."""

    def route(self, routing: RoutingSettings) -> RoutingSettings:
        """The routing of probes: that of mail but for what is set here."""
        names = (name for name in type(self).model_fields if name.endswith(("_transport", "_maps", "_relayhost")))
        given = {name.removeprefix("address_verify_"): getattr(self, name) for name in names}
        return routing.model_copy(update={_ROUTING_NAMES.get(name, name): value for name, value in given.items() if value is not None})
