"""What listens where: on the outer network nothing but what is for the world, and for the commands of the operator nothing at all."""

import ipaddress
from collections.abc import Iterator

import pytest
import yaml

from malleposte_lab.site import Site
from tests.integration.conftest import ROOT

METRICS = 9100
OUTSIDE = {
    "mx": {25, METRICS},
    "submission": {587, 465, METRICS},
    "relay": set(),
    "imapd": {143, 993, METRICS},
    "pop3d": {110, 995, METRICS},
    "managesieve": {4190, METRICS},
    "admin": {8080, 8443},
}
"""The ports of each service that whoever is on the network `edge` may reach. Services that are on no other network have their metrics there."""
LISTENING = "0A"
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()"


def listeners(site: Site, service: str) -> Iterator[tuple[str, int]]:
    """Address and port of each TCP socket that listens in the service's container (proc(5))."""
    read = "print(open('/proc/net/tcp').read() + open('/proc/net/tcp6').read())"
    for line in site.project.check(service, "python3", "-c", read).splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == LISTENING:
            address, port = fields[1].split(":")
            words = [bytes.fromhex(address[start : start + 8])[::-1] for start in range(0, len(address), 8)]
            yield str(ipaddress.ip_address(b"".join(words))), int(port, 16)


def edge_address(site: Site, service: str) -> str:
    networks = site.project.container(service).attrs["NetworkSettings"]["Networks"]
    (address,) = [facts["IPAddress"] for name, facts in networks.items() if name.endswith("_edge")]
    return str(address)


def test_every_service_on_the_outer_network_is_looked_at() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    outer = {name for name, service in services.items() if "edge" in service.get("networks", [])}
    assert outer == {*OUTSIDE, "backupmx"}  # a site with mailboxes does not run that one


@pytest.mark.parametrize("service", OUTSIDE)
def test_outer_network_reaches_only_what_is_for_it(site: Site, service: str) -> None:
    outer = {"0.0.0.0", "::", edge_address(site, service)}
    assert {port for address, port in listeners(site, service) if address in outer} <= OUTSIDE[service]


@pytest.mark.parametrize("service", ["qmgr", "verify", "mda", "pipe"])
def test_programs_within_are_not_on_the_outer_network(site: Site, service: str) -> None:
    assert not any(name.endswith("_edge") for name in site.project.container(service).attrs["NetworkSettings"]["Networks"])


@pytest.mark.parametrize("port", [7025, METRICS])
def test_who_is_on_the_outer_network_has_no_mail_sent_by_relay(site: Site, port: int) -> None:
    site.project.check("client", "python3", "-c", CONNECT, "mx", "25")
    assert b"refused" in site.project.execute("client", "python3", "-c", CONNECT, edge_address(site, "relay"), str(port)).err
