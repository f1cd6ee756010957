"""Programs that start from a bundle, each in a Python of its own."""

import compileall
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
MAKE = "from services.kernel.runtime.bundle import loaded, make; import fruit.pear; open('bundle', 'wb').write(make(list(loaded())))"
USE = "from services.kernel.runtime import bundle; bundle.use('bundle'); "


def run(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{folder}"}
    return subprocess.run([sys.executable, "-c", program], cwd=folder, env=environment, timeout=60, check=False, capture_output=True, text=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package ``fruit`` of which a bundle is made, and whose files say something else since then."""
    package = tmp_path / "fruit"
    package.mkdir()
    (package / "__init__.py").write_text("from fruit import pear\n")
    (package / "pear.py").write_text("colour = 'green'\ndef fall():\n    raise ValueError('ripe')\n")
    (package / "stone").write_text("a stone")
    compileall.compile_dir(package, quiet=1)
    made = run(tmp_path, MAKE)
    assert made.returncode == 0, made.stderr
    (package / "pear.py").write_text("colour = 'yellow'\ndef fall():\n    raise ValueError('ripe')\n")
    return tmp_path


def test_modules_come_from_the_bundle(folder: Path) -> None:
    assert run(folder, f"{USE}import fruit.pear; print(fruit.pear.colour)").stdout == "green\n"


def test_module_knows_its_file_and_its_package(folder: Path) -> None:
    found = run(folder, f"{USE}import fruit.pear as p; print(p.__file__, p.__package__, p.__spec__.parent, __import__('fruit').__path__)").stdout
    assert found == f"{folder}/fruit/pear.py fruit fruit ['{folder}/fruit']\n"


def test_traceback_shows_the_line_of_the_source(folder: Path) -> None:
    told = run(folder, f"{USE}import fruit.pear; fruit.pear.fall()").stderr
    assert f'{folder}/fruit/pear.py", line 3, in fall\n    raise ValueError' in told


def test_byte_code_that_names_another_source_is_left_out(folder: Path) -> None:
    compileall.compile_dir(folder / "fruit", quiet=1, force=True, stripdir=str(folder), prependdir="/elsewhere")
    assert run(folder, MAKE).returncode == 0
    assert run(folder, f"{USE}import fruit.pear; print(type(fruit.pear.__loader__).__module__)").stdout == "_frozen_importlib_external\n"


def test_data_beside_a_module_is_found(folder: Path) -> None:
    assert run(folder, f"{USE}from importlib.resources import files; print((files('fruit') / 'stone').read_text())").stdout == "a stone\n"


def test_module_that_is_not_in_it_is_looked_for(folder: Path) -> None:
    (folder / "fruit/plum.py").write_text("colour = 'blue'\n")
    assert run(folder, f"{USE}import fruit.plum; print(fruit.plum.colour)").stdout == "blue\n"


def test_without_a_bundle_all_modules_are_looked_for(folder: Path) -> None:
    (folder / "bundle").unlink()
    done = run(folder, f"{USE}import fruit.pear; print(fruit.pear.colour)")
    assert (done.stdout, done.stderr) == ("yellow\n", "")


@pytest.mark.parametrize("length", [0, 7, 100])
def test_half_a_bundle_is_told_of_and_not_used(folder: Path, length: int) -> None:
    whole = (folder / "bundle").read_bytes()
    (folder / "bundle").write_bytes(whole[:length])
    done = run(folder, f"{USE}import fruit.pear; print(fruit.pear.colour)")
    assert done.stdout == "yellow\n"
    assert done.stderr.startswith("bundle is not used: ")


def test_bundle_of_another_python_is_told_of_and_not_used(folder: Path) -> None:
    program = f"import sys; sys.version = '4.0'; {MAKE}"
    assert run(folder, program).returncode == 0
    done = run(folder, f"{USE}import fruit.pear; print(fruit.pear.colour)")
    assert done.stdout == "yellow\n"
    assert done.stderr == "bundle is not used: made by Python 4.0, optimized 0\n"
