"""The router: what a service asks."""

from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.decision import Acceptance, Destination, Explanation, RouteRefused
from services.kernel.routing.lookups import Directory
from services.kernel.runtime.config import Site
from services.kernel.tables.collection import Tables


class Router:
    """Decides for one process. Raises ``ConfigError`` when a setting or a table's name cannot be used."""

    def __init__(self, settings: RoutingSettings, site: Site, directory: Directory, tables: Tables) -> None:
        raise NotImplementedError

    async def accept(self, recipient: str, *, may_relay: bool = False) -> Acceptance:
        """May this recipient come in, and whom does it stand for? With ``may_relay`` (a signed-in user, or our own report) foreign
        recipients are ``Accepted`` too. Raises ``LookupTrouble``."""
        raise NotImplementedError

    async def route(self, recipient: str, sender: str) -> Destination | RouteRefused:
        """Where does this final recipient go? Raises ``LookupTrouble``."""
        raise NotImplementedError

    async def explain(self, recipient: str, sender: str, *, may_relay: bool = False) -> Explanation:
        """Both decisions with all their steps, nothing taken from the cache. Raises ``LookupTrouble``."""
        raise NotImplementedError
