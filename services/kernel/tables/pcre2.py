"""Perl's patterns by libpcre2 itself, on bytes as Postfix uses it (pcre_table(5))."""

import ctypes
import weakref
from functools import cache

from services.kernel.runtime.fault import ConfigError

CASELESS, MULTILINE, DOTALL, EXTENDED = 0x8, 0x400, 0x20, 0x80
ANCHORED, DOLLAR_ENDONLY, UNGREEDY = 0x80000000, 0x10, 0x40000
MATCH_LIMIT = 1_000_000
"""Steps of backtracking that one question may cost, some tenths of a second. The library's own limit is ten times that."""
_LIBRARY = "libpcre2-8.so.0"
_NO_MATCH = -1
_CAPTURE_COUNT = 4
_UNSET = (1 << 8 * ctypes.sizeof(ctypes.c_size_t)) - 1


@cache
def _library() -> tuple[ctypes.PyDLL, ctypes.c_void_p]:
    """The library and a context with our limit. The interpreter's lock is kept in a call: it costs less, and no two threads share a pattern."""
    try:
        library = ctypes.PyDLL(_LIBRARY)
    except OSError as error:
        raise ConfigError(f"pcre: tables need {_LIBRARY}: {error}") from None
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    signatures: dict[str, tuple[type | None, list[type]]] = {
        "pcre2_compile_8": (pointer, [ctypes.c_char_p, size, ctypes.c_uint32, pointer, pointer, pointer]),
        "pcre2_match_8": (ctypes.c_int, [pointer, ctypes.c_char_p, size, size, ctypes.c_uint32, pointer, pointer]),
        "pcre2_match_data_create_from_pattern_8": (pointer, [pointer, pointer]),
        "pcre2_get_ovector_pointer_8": (ctypes.POINTER(size), [pointer]),
        "pcre2_pattern_info_8": (ctypes.c_int, [pointer, ctypes.c_uint32, pointer]),
        "pcre2_get_error_message_8": (ctypes.c_int, [ctypes.c_int, ctypes.c_char_p, size]),
        "pcre2_match_context_create_8": (pointer, [pointer]),
        "pcre2_set_match_limit_8": (ctypes.c_int, [pointer, ctypes.c_uint32]),
        "pcre2_code_free_8": (None, [pointer]),
        "pcre2_match_data_free_8": (None, [pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    context = ctypes.c_void_p(library.pcre2_match_context_create_8(None))
    library.pcre2_set_match_limit_8(context, MATCH_LIMIT)
    return library, context


class PcrePattern:
    """A compiled pattern. Raises ``ValueError`` with the library's words and the offset."""

    def __init__(self, pattern: bytes, flags: int) -> None:
        library, self._context = _library()
        error, offset = ctypes.c_int(), ctypes.c_size_t()
        code = library.pcre2_compile_8(pattern, len(pattern), flags, ctypes.byref(error), ctypes.byref(offset), None)
        if not code:
            raise ValueError(f"error in regex at offset {offset.value}: {_words(error.value)}")
        self._code = ctypes.c_void_p(code)
        weakref.finalize(self, library.pcre2_code_free_8, self._code).atexit = False
        self._match_data = ctypes.c_void_p(library.pcre2_match_data_create_from_pattern_8(self._code, None))
        weakref.finalize(self, library.pcre2_match_data_free_8, self._match_data).atexit = False
        self._offsets = library.pcre2_get_ovector_pointer_8(self._match_data)
        self._match = library.pcre2_match_8
        count = ctypes.c_uint32()
        library.pcre2_pattern_info_8(self._code, _CAPTURE_COUNT, ctypes.byref(count))
        self.groups = count.value

    def search(self, key: bytes, groups: int) -> list[bytes] | None:
        """The text of groups 0 to ``groups``, empty where one did not take part; or ``None``. Without groups, an empty list."""
        code = self._match(self._code, key, len(key), 0, 0, self._match_data, self._context)
        if code == _NO_MATCH:
            return None
        if code < 0:
            raise ValueError(_words(code))
        if not groups:
            return []
        offsets = self._offsets
        return [key[offsets[2 * n] : offsets[2 * n + 1]] if offsets[2 * n] != _UNSET else b"" for n in range(groups + 1)]


def _words(code: int) -> str:
    text = ctypes.create_string_buffer(256)
    _library()[0].pcre2_get_error_message_8(code, text, len(text))
    return text.value.decode(errors="replace")
