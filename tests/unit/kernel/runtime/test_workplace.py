from pathlib import Path

import pytest
from pydantic import ValidationError

from services.kernel.runtime import workplace
from services.kernel.runtime.tls import ServerTls


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(Path.cwd())  # comes back at the end
    directory = tmp_path / "queue"
    directory.mkdir()
    workplace.enter(directory)
    return directory


def test_a_path_in_the_working_directory_is_relative(queue: Path) -> None:
    (queue / "lock").touch()
    assert workplace.near(queue) == Path()
    assert workplace.near(queue / "lock") == Path("lock")
    assert workplace.near(queue / "lock").exists()


def test_a_path_elsewhere_stays(queue: Path) -> None:
    assert workplace.near(queue.parent) == queue.parent
    assert workplace.near(queue.with_name("queue2")) == queue.with_name("queue2")


def test_a_relative_path_stays(queue: Path) -> None:
    assert workplace.near(Path("deferred")) == Path("deferred")


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        workplace.enter(tmp_path / "nowhere")


def test_settings_have_absolute_paths_alone() -> None:
    with pytest.raises(ValidationError, match="must be an absolute path"):
        ServerTls.model_validate({"key_file": "certs/key.pem"})
