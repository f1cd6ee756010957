"""Compiled scripts are remembered, but not more than there is room for."""

from pathlib import Path

import pytest

from services.kernel.mailbox.config import SieveSettings
from services.kernel.sieve.flaws import SieveErrors
from services.mda.rulebook import KNOWN_BYTES, Compiler, version_of


def script(directory: Path, name: str, size_bytes: int) -> Path:
    path = directory / f"{name}.sieve"
    path.write_text("keep;" + " " * (size_bytes - 5))
    return path


def test_script_is_compiled_once_and_again_when_room_was_needed_for_others(tmp_path: Path) -> None:
    compiler = Compiler(SieveSettings(), is_sites=False)
    paths = [script(tmp_path, name, KNOWN_BYTES // 2) for name in ("a", "b", "c")]
    first = compiler.compile(paths[0], version_of(paths[0]))
    assert compiler.compile(paths[0], version_of(paths[0])) is first
    for path in paths[1:]:
        compiler.compile(path, version_of(path))
    assert compiler.compile(paths[0], version_of(paths[0])) is not first


def test_largest_script_is_remembered_alone(tmp_path: Path) -> None:
    compiler = Compiler(SieveSettings(), is_sites=False)
    path = script(tmp_path, "a", 1 << 20)
    assert compiler.compile(path, version_of(path)) is compiler.compile(path, version_of(path))


def test_length_in_words_is_limited_for_users_and_not_for_the_site(tmp_path: Path) -> None:
    path = tmp_path / "long.sieve"
    path.write_text("keep;" * 10_001)
    with pytest.raises(SieveErrors, match="the script is too long: it has more than 20000 words and marks"):
        Compiler(SieveSettings(), is_sites=False).compile(path, version_of(path))
    assert len(Compiler(SieveSettings(), is_sites=True).compile(path, version_of(path)).commands) == 10_001
