"""The tree keeps its promises: charters, sizes, and nothing half-built."""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ROOT / "services"
PROGRAMS = sorted(path.parent.name for path in SERVICES.glob("*/__main__.py"))
KERNEL_PACKAGES = sorted(path.parent.name for path in (SERVICES / "kernel").glob("*/__init__.py"))
MODULES = sorted(SERVICES.rglob("*.py"))
LONGEST_FUNCTION = 60
LONGEST_MODULE = 400


class _Compose(yaml.SafeLoader):
    """Reads Compose files, whose ``!reset`` and ``!override`` tags mean nothing here."""


_Compose.add_multi_constructor("!", lambda loader, _suffix, node: None)


def compose_services() -> dict[str, dict[str, object]]:
    document = yaml.load((ROOT / "compose.yaml").read_text(), Loader=_Compose)  # a SafeLoader
    services: dict[str, dict[str, object]] = document["services"]
    return services


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text())) or ""


def test_there_are_programs_to_look_at() -> None:
    assert {"smtpd", "qmgr", "relay", "mda", "imapd", "pop3d", "admin"} <= set(PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_can_be_stopped_while_it_loads(program: str) -> None:
    text = (SERVICES / program / "__main__.py").read_text()
    assert text == f'from services.kernel.runtime.entry import run\n\nrun("services.{program}.service")\n'


@pytest.mark.parametrize("package", KERNEL_PACKAGES)
def test_kernel_package_has_a_charter(package: str) -> None:
    text = docstring(SERVICES / "kernel" / package / "__init__.py")
    assert "Holds" in text and "Refuses" in text
    assert len(text.splitlines()) <= 40


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_has_an_image_target(program: str) -> None:
    dockerfile = (ROOT / "images/Dockerfile").read_text()
    assert re.search(rf"(?m)^FROM \S+ AS {program}$", dockerfile)


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_has_a_compose_service_with_least_privilege(program: str) -> None:
    services = [s for s in compose_services().values() if isinstance(s.get("build"), dict) and s["build"].get("target") == program]  # type: ignore[attr-defined]  # checked by isinstance
    assert services
    for service in services:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_has_its_fixed_files_and_tests(program: str) -> None:
    assert (SERVICES / program / "config.py").exists()
    assert (SERVICES / program / "service.py").exists()
    assert len(docstring(SERVICES / program / "__init__.py")) > 80
    assert list((ROOT / "tests/unit" / program).glob("test_*.py"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_has_a_heading_in_the_reference(program: str) -> None:
    assert re.search(rf"(?m)^#+ .*\b{program}\b", (ROOT / "config/reference.md").read_text())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SERVICES)))
def test_module_is_short_and_so_are_its_functions(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_MODULE
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    too_long = [f"{f.name}:{f.lineno}" for f in functions if (f.end_lineno or f.lineno) - f.lineno + 1 > LONGEST_FUNCTION]
    assert too_long == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}
    assert [path for path in MODULES if path.stem in empty] == []
