"""A bounded run of the seeded chaos: whatever breaks, nothing that was accepted is lost."""

import pytest

from malleposte_lab import chaos
from malleposte_lab.twosites import TwoSites

ROUNDS = 4


@pytest.mark.parametrize("seed", [20261128])
def test_nothing_accepted_is_lost_under_a_seeded_schedule(lab: TwoSites, seed: int) -> None:
    result = chaos.run(lab, seed, chaos.rounds_of(seed, count=ROUNDS))
    assert result.is_good, str(result.judgement)
    assert result.judgement.accepted > 20
