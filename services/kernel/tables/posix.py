"""POSIX patterns by the C library's own ``regcomp`` and ``regexec``: leftmost-longest, and bytes, as in Postfix's C locale.

There is no limit to the work of a pattern, as there is none in Postfix: a back reference can make it exponential.
"""

import ctypes
import weakref
from functools import cache

from services.kernel.runtime.fault import ConfigError

EXTENDED, ICASE, NEWLINE, NOSUB = 1, 2, 4, 8
_NO_MATCH = 1
_REGEX_BYTES = 256
"""``regex_t`` has 64 bytes on 64-bit Linux."""
_SUB_COUNT_OFFSET = 48
_ALL_LOCALE_CATEGORIES = 0x1FBF


class _Match(ctypes.Structure):
    _fields_ = (("start", ctypes.c_int), ("end", ctypes.c_int))


@cache
def _library() -> tuple[ctypes.PyDLL, ctypes.c_void_p]:
    """The C library and its locale "C". The interpreter's lock is kept in a call: it costs less, and no two threads share a pattern."""
    library = ctypes.PyDLL(None)
    if not hasattr(library, "gnu_get_libc_version") or ctypes.sizeof(ctypes.c_void_p) != 8:
        raise ConfigError("regexp: tables need the GNU C library on a 64-bit system")
    library.newlocale.restype = library.uselocale.restype = ctypes.c_void_p
    library.newlocale.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p]
    library.uselocale.argtypes = [ctypes.c_void_p]
    library.regcomp.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    library.regexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_int]
    library.regerror.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    library.regfree.argtypes = [ctypes.c_void_p]
    library.regfree.restype = None
    return library, ctypes.c_void_p(library.newlocale(_ALL_LOCALE_CATEGORIES, b"C", None))


class PosixPattern:
    """A compiled pattern. Raises ``ValueError`` with the library's words."""

    def __init__(self, pattern: bytes, flags: int) -> None:
        library, locale = _library()
        self._regex = ctypes.create_string_buffer(_REGEX_BYTES)
        before = library.uselocale(locale)
        code = library.regcomp(self._regex, pattern, flags)
        library.uselocale(before)
        if code:
            raise ValueError(_words(code, self._regex))
        self._regexec = library.regexec
        weakref.finalize(self, library.regfree, self._regex).atexit = False
        self.groups: int = ctypes.c_size_t.from_buffer(self._regex, _SUB_COUNT_OFFSET).value

    def search(self, key: bytes, groups: int) -> list[bytes] | None:
        """The text of groups 0 to ``groups``, empty where one did not take part; or ``None``. Without groups, an empty list."""
        matches = (_Match * (groups + 1))() if groups else None
        code = self._regexec(self._regex, key, groups + 1 if groups else 0, matches, 0)
        if code == _NO_MATCH:
            return None
        if code:
            raise ValueError(_words(code, self._regex))
        return [key[match.start : match.end] if match.start >= 0 else b"" for match in matches or ()]


def _words(code: int, regex: "ctypes.Array[ctypes.c_char]") -> str:
    text = ctypes.create_string_buffer(256)
    _library()[0].regerror(code, regex, text, len(text))
    return text.value.decode(errors="replace")
