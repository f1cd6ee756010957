"""CPU as the kernel's files tell it, in both versions of control groups."""

from pathlib import Path

import pytest

from tests.bench.cgroup import cpu_seconds

FIRST = "5:memory:/docker/abc\n4:cpuacct:/docker/abc\n0::/docker/abc\n"
SECOND = "0::/system.slice/docker-abc.scope\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in (
        ("cpuacct/docker/abc/cpuacct.usage", "1500000000\n"),
        ("system.slice/docker-abc.scope/cpu.stat", "usage_usec 2500000\nuser_usec 1\n"),
    ):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    return tmp_path


@pytest.mark.parametrize(("groups", "seconds"), [(FIRST, 1.5), (SECOND, 2.5), ("0::/elsewhere\n", None), (None, None)])
def test_cpu_of_a_group_is_read_where_it_is_on_this_machine(root: Path, groups: str | None, seconds: float | None) -> None:
    if groups is not None:
        (root / "7").mkdir()
        (root / "7/cgroup").write_text(groups)
    assert cpu_seconds(7, root, root) == seconds
