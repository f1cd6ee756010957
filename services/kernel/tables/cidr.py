"""``cidr:``: networks and addresses, ``192.0.2.0/24 text``."""

from ipaddress import ip_address, ip_network

from services.kernel.tables.rules import Test, split_word


def parse_network(line: str) -> tuple[Test, str]:
    """Read ``[!]network text``. Raises ``ValueError`` also for host bits beyond the mask, as cidr_table(5) does."""
    is_negated = line.startswith("!")
    line = line[is_negated:].lstrip()
    pattern, text = split_word(line)
    network = ip_network(pattern.replace("[", "").replace("]", ""))

    def holds(key: str) -> bool:
        try:
            address = ip_address(key)
        except ValueError:
            return False
        return (address in network) is not is_negated

    return lambda key: (lambda value: value) if holds(key) else None, text
