"""Header sections that nobody meant: nothing but addresses may change, and only as told."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.mail.rewriting import find_mentions, rewrite

PIECES = ["a", "b@x.test", "<", ">", ",", ";", ":", "(", ")", '"', "\\", "[", "]", "@", ".", " ", "\r\n ", "\t", "=?utf-8?Q?x?="]
PIECES += ["\xfc", "group:", "\r\n", "\n"]
VALUES = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
HEADS = st.lists(st.tuples(st.sampled_from(["To", "From", "Cc", "Subject", "Reply-To"]), VALUES), max_size=4).map(
    lambda fields: "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
)


@given(st.one_of(HEADS, st.binary(max_size=80)))
def test_mentions_stand_where_they_say_and_nothing_changes_without_a_change(head: bytes) -> None:
    mentions = find_mentions(head)
    assert rewrite(head, [(mention, mention.address) for mention in mentions]) is head
    ends = [0]
    for mention in mentions:
        assert ends[-1] <= mention.start < mention.end <= len(head)
        ends.append(mention.end)


@given(HEADS)
def test_rewritten_addresses_are_found_again_and_all_else_is_as_before(head: bytes) -> None:
    mentions = find_mentions(head)
    changed = rewrite(head, [(mention, f"n{number}@new.test") for number, mention in enumerate(mentions)])
    assert [mention.address for mention in find_mentions(changed)] == [f"n{number}@new.test" for number in range(len(mentions))]
    kept = [head[before.end : after.start] for before, after in pairwise(mentions)]
    again = find_mentions(changed)
    assert [changed[before.end : after.start] for before, after in pairwise(again)] == kept
