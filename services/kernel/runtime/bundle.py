"""The modules of a program in one file, so that it starts without looking for each of them.

An import looks at half a dozen paths; for the five hundred modules of a service that takes 0.35 s where the root is a slow one (see ``workplace``),
more than to run them all. An image is made with a bundle of the byte code that it holds anyway, its own, Python's and the libraries'. Where there is
none, as in a checkout, and for what is not in it, such as libraries in C, modules are looked for as ever.

It comes before the files: whoever changes modules in an image removes it, and whoever mounts others over them does so over all of ``/app/services``.

``python -m services.kernel.runtime.bundle qmgr FILE`` makes the bundle of a program.
"""

import marshal
import mmap
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import NamedTuple

PATH = os.path.join(os.path.dirname(__file__), "../../bundle")
_BYTE_CODE = f"{sys.version}, optimized {sys.flags.optimize}"
"""What byte code depends on."""
_PYC_HEAD_BYTES = 16
"""In front of the code in a file of byte code (PEP 552). These files are taken as they are: what ``marshal`` makes of a code in memory varies."""


class _Module(NamedTuple):
    name: str
    file: str
    code: bytes
    """Marshalled."""


class _Loader(SourceFileLoader):
    """A module whose code is at hand; what else may be asked of it, such as its source, is read from its file."""

    def __init__(self, name: str, file: str, code: memoryview) -> None:
        super().__init__(name, file)
        self._code = code

    def get_code(self, _name: str) -> CodeType:
        code: CodeType = marshal.loads(self._code)
        return code


class Bundle:
    """Finds modules in an open bundle (``importlib.abc.MetaPathFinder``).

    The file holds the length of its index in 8 bytes, the index, and the code of each module. The index is marshalled: which Python made the bundle,
    and for each name the module's file, and where its code begins and ends behind the index.
    """

    def __init__(self, content: memoryview) -> None:
        """Raises ``ValueError`` for a bundle of another Python, whose byte code is not ours, and ``EOFError`` for half of one."""
        end = 8 + int.from_bytes(content[:8], "big")
        maker, self._places = marshal.loads(content[8:end])
        if maker != _BYTE_CODE:
            raise ValueError(f"made by Python {maker}")
        self._codes = content[end:]

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """Part of ``importlib.abc.MetaPathFinder``."""
        place = self._places.get(name)
        if place is None:
            return None
        file, begin, end = place
        folder, _, last = file.rpartition("/")
        spec = ModuleSpec(name, _Loader(name, file, self._codes[begin:end]), origin=file)
        spec.has_location = True
        if last == "__init__.py":
            spec.submodule_search_locations = [folder]
        return spec


def use(path: str = PATH) -> None:
    """From now on take modules from the bundle at ``path``, if there is one of this Python."""
    try:
        with open(path, "rb") as file:
            bundle = Bundle(memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)))
    except FileNotFoundError:
        return
    except (OSError, ValueError, EOFError) as fault:
        print(f"{path} is not used: {fault}", file=sys.stderr)
        return
    sys.meta_path.insert(sys.meta_path.index(PathFinder), bundle)  # what is built into Python stays before it


def make(modules: Sequence[_Module]) -> bytes:
    """A bundle of these."""
    places, position = {}, 0
    for module in modules:
        places[module.name] = (module.file, position, position := position + len(module.code))
    index = marshal.dumps((_BYTE_CODE, places))
    return b"".join([len(index).to_bytes(8, "big"), index, *(module.code for module in modules)])


def loaded() -> Iterator[_Module]:
    """All modules in memory that have a file of byte code, by name; but one whose byte code names another source would mislead in tracebacks."""
    for name, module in sorted(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if spec is not None and spec.name == name and isinstance(spec.loader, SourceFileLoader) and os.path.exists(spec.cached):
            code = spec.loader.get_data(spec.cached)[_PYC_HEAD_BYTES:]
            if marshal.loads(code).co_filename == spec.origin:
                yield _Module(name, spec.origin, code)


def _load_all(package: str) -> None:
    """Load a package with all its modules, and whatever they need."""
    from importlib import import_module
    from pkgutil import walk_packages

    for module in walk_packages(import_module(package).__path__, f"{package}."):
        if not module.name.endswith(".__main__"):
            import_module(module.name)


if __name__ == "__main__":
    _load_all(f"services.{sys.argv[1]}")
    with open(sys.argv[2], "wb") as target:
        target.write(make(list(loaded())))
