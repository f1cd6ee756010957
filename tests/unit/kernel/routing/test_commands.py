"""What a transport says of its command is checked before a message comes."""

import pytest

from services.kernel.routing.commands import argv_fault, command_faults
from services.kernel.routing.options import Transport


@pytest.mark.parametrize("argv", [["cmd", "${nosuch}"], ["cmd", "$ x"], ["cmd", "a$"], [], [""], ["cmd", "a\0b"]])
def test_what_is_no_command_line_is_told(argv: list[str]) -> None:
    assert argv_fault(argv)


def test_good_command_line_has_no_fault() -> None:
    assert argv_fault(["cmd", "-f$sender", "${recipient}", "$$", "{x}"]) == ""


@pytest.mark.parametrize(
    ("facts", "faults"),
    [
        ({"argv": ["cmd"], "user": "nobody", "flags": "Rqu"}, []),
        ({"argv": ["cmd"], "user": "pipe"}, []),
        ({"argv": ["cmd", "$nosuch"], "flags": "Z"}, ["argv: there is no macro ${nosuch}", "flags: there is no flag Z"]),
        ({"argv": ["cmd"], "user": "root"}, ["user root: no command runs as root"]),
        ({"argv": ["cmd"], "user": "5002"}, ["user 5002: no command runs as a user of the site's own programs"]),
        ({"argv": ["cmd"], "user": "known-where-it-runs"}, []),
    ],
)
def test_all_faults_of_a_command_are_told(facts: dict[str, object], faults: list[str]) -> None:
    assert list(command_faults(Transport.model_validate({"program": "pipe", **facts}))) == faults


def test_transport_without_a_command_has_no_fault_of_one() -> None:
    assert list(command_faults(Transport(program="smtp"))) == []
