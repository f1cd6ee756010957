"""Next hops as they cross the delivery hop."""

import pytest

from services.kernel.wire.delivery import NextHop, Protocol, Server


@pytest.mark.parametrize(
    ("nexthop", "written"),
    [
        (NextHop(Protocol.SMTP, "d.test"), "smtp:d.test"),
        (NextHop(Protocol.SMTP, "h.test", 587, is_literal=True, transport="provider"), "provider:[h.test]:587"),
        (NextHop(Protocol.SMTP, "a.test", others=(Server("b.test", 26, is_literal=True),)), "smtp:a.test,[b.test]:26"),
    ],
)
def test_next_hop_is_written_as_postfix_writes_it(nexthop: NextHop, written: str) -> None:
    assert str(nexthop) == written
