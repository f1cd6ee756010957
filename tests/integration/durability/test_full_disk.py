"""A full queue disk: the sender hears 452, nothing accepted is lost, and mail flows again when there is room."""

import smtplib
from collections.abc import Iterator

import pytest

from malleposte_lab import history
from malleposte_lab.launch import Plan, running_site
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD, ROOT, SERVICES

SENDER = "carol@world.test"
HALF_A_MEGABYTE = (b"x" * 76 + b"\r\n") * 6500


@pytest.fixture(scope="module")
def small_site(lab_plan: Plan) -> Iterator[Site]:
    environment = {**lab_plan.environment, "LAB_NET": "10.213.9", "MALLEPOSTE_CONFIG": str(ROOT / "tests/lab/config/smalldisk")}
    files = [*lab_plan.files, ROOT / "tests/lab/compose.smalldisk.yaml"]
    with running_site(Plan(f"{lab_plan.name}-disk", files, SERVICES, environment)) as running:
        yield running


def test_full_queue_answers_452_and_loses_nothing(small_site: Site, key: str) -> None:
    alice = "alice@example.test"
    small_site.add_account(alice, PASSWORD)
    small_site.project.kill("relay")
    workload = history.Workload()
    codes = [_send(small_site, workload, alice, f"{key}-{number}") for number in range(8)]
    assert 452 in codes and 250 in codes and set(codes) <= {250, 452}
    small_site.project.start("relay")
    small_site.events.wait_until(lambda: _arrived(small_site, workload, alice), "accepted messages are missing", 90)
    assert _send(small_site, workload, alice, f"{key}-after") == 250


def _send(site: Site, workload: history.Workload, recipient: str, key: str) -> int:
    with site.mx() as client:
        try:
            client.sendmail(SENDER, [recipient], history.message(key, SENDER, [recipient], HALF_A_MEGABYTE))
        except smtplib.SMTPRecipientsRefused as refusal:
            return refusal.recipients[recipient][0]
        except smtplib.SMTPResponseException as refusal:
            return refusal.smtp_code
    workload.accepted.add((key, recipient))
    return 250


def _arrived(site: Site, workload: history.Workload, recipient: str) -> bool:
    site.try_malle("queue", "flush")
    return not history.check(workload, {recipient: site.messages(recipient, PASSWORD)}).lost
