"""What verification says of an address, and what this site makes of it: one table. Pure."""

from enum import StrEnum

from services.kernel.wire.verdict import State


class Unknown(StrEnum):
    """The operator's choice for an address of which nothing is known, as while its server is down."""

    ACCEPT = "accept"
    DEFER = "defer"


class Action(StrEnum):
    """What to do."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    DEFER = "defer"


_ACTIONS: dict[tuple[State, Unknown], Action] = {
    (State.DELIVERABLE, Unknown.ACCEPT): Action.ACCEPT,
    (State.DELIVERABLE, Unknown.DEFER): Action.ACCEPT,
    (State.UNDELIVERABLE, Unknown.ACCEPT): Action.REFUSE,
    (State.UNDELIVERABLE, Unknown.DEFER): Action.REFUSE,
    (State.UNKNOWN, Unknown.ACCEPT): Action.ACCEPT,
    (State.UNKNOWN, Unknown.DEFER): Action.DEFER,
}


def decide(state: State, unknown: Unknown) -> Action:
    """Known good is accepted and known bad refused, whatever else is down; for the rest the choice counts."""
    return _ACTIONS[state, unknown]
