"""Sets of messages as ranges."""

from hypothesis import given
from hypothesis import strategies as st

from services.imapd.searching import Spans

UIDS = st.frozensets(st.integers(1, 30))


@given(UIDS, UIDS)
def test_messages_in_ranges_are_those_of_the_set(members: frozenset[int], uids: frozenset[int]) -> None:
    firsts = sorted(uid for uid in members if uid - 1 not in members)
    lasts = sorted(uid for uid in members if uid + 1 not in members)
    assert Spans(firsts, lasts).among(uids) == members & uids
