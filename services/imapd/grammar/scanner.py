"""The small words of the grammar, read from left to right (RFC 3501 section 9)."""

import re

from services.imapd.grammar import sequence
from services.imapd.grammar.sequence import SequenceSet

_TAG = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\+]{1,200}')
"""It is repeated in the reply, so it cannot be of any length; clients use some ten characters."""
_ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_ASTRING = re.compile(rb'\\?[^\x00-\x20\x7f-\xff(){%*"\\]+|\\')
"""ImapFlow leaves a string bare that begins with a backslash; Dovecot takes it as well."""
_LIST_MAILBOX = re.compile(rb'[^\x00-\x20\x7f-\xff(){"\\]+')
_FLAG = re.compile(rb'\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_QUOTED = re.compile(rb'"([^"\\\r\n\x00]*(?:\\["\\][^"\\\r\n\x00]*)*)"')
_LITERAL = re.compile(rb"\{([0-9]{1,20})\+?\}\r\n")
_NUMBER = re.compile(rb"[0-9]{1,10}")
_MODSEQ = re.compile(rb"[0-9]{1,19}")
_ESCAPE = re.compile(rb"\\(.)")

LARGEST_NUMBER = (1 << 32) - 1
"""``number`` is 32 bits wide (RFC 3501 section 9)."""
LARGEST_MODSEQ = (1 << 63) - 1
"""RFC 7162 section 7."""


class BadSyntax(Exception):
    """The command cannot be read. The text tells the client why."""


class Scanner:
    """A command and the place up to which it has been read. What a method cannot read raises ``BadSyntax``.

    ``has_utf8`` is for ``words``: whether mailbox names are UTF-8 in this session, not modified UTF-7.
    """

    def __init__(self, data: bytes, *, has_utf8: bool = False) -> None:
        self._data = data
        self.has_utf8 = has_utf8
        self.at = 0

    @property
    def is_done(self) -> bool:
        """Nothing is left."""
        return self.at >= len(self._data)

    def grow(self, data: bytes) -> None:
        """Take the command as far as it has come by now; it begins as before."""
        self._data = data

    def peek(self, word: bytes) -> bool:
        """Tell whether ``word`` comes next, compared exactly."""
        return self._data.startswith(word, self.at)

    def skip(self, word: bytes) -> bool:
        """Pass ``word`` if it comes next."""
        if not self._data.startswith(word, self.at):
            return False
        self.at += len(word)
        return True

    def expect(self, word: bytes) -> None:
        """Pass ``word``, which must come next."""
        if not self.skip(word):
            raise BadSyntax(f"{word.decode()!r} expected" if word != b" " else "Space or argument expected")

    def end(self) -> None:
        """The command must end here; white space before the end is forgiven, since some clients send it."""
        if self._data[self.at :].strip(b" "):
            raise BadSyntax("Unexpected argument")

    def tag(self) -> bytes:
        """Read a tag."""
        return self._take(_TAG, "Tag")[0]

    def atom(self) -> bytes:
        """Read an atom."""
        return self._take(_ATOM, "Atom")[0]

    def word(self) -> bytes:
        """Read an atom that is a word of the protocol, in upper case."""
        return self.atom().upper()

    def flag(self) -> bytes:
        """Read a flag or keyword."""
        return self._take(_FLAG, "Flag")[0]

    def number(self) -> int:
        """Read a number of 32 bits."""
        number = int(self._take(_NUMBER, "Number")[0])
        if number > LARGEST_NUMBER:
            raise BadSyntax("Number too large")
        return number

    def modseq(self) -> int:
        """Read a mod-sequence value, 63 bits (RFC 7162 section 7)."""
        number = int(self._take(_MODSEQ, "Modseq")[0])
        if number > LARGEST_MODSEQ:
            raise BadSyntax("Modseq too large")
        return number

    def sequence_set(self) -> SequenceSet:
        """Read a set of numbers."""
        found = sequence.match(self._data, self.at)
        if found is None:
            raise BadSyntax("Invalid message set")
        self.at = found[1]
        return found[0]

    def has_sequence_set(self) -> bool:
        """Tell whether a set of numbers comes next."""
        return self._data[self.at : self.at + 1] in b"0123456789*$" and not self.is_done

    def astring(self) -> bytes:
        """Read an atom, quoted string or literal."""
        return self._text(_ASTRING)

    def list_mailbox(self) -> bytes:
        """Read a mailbox name with wildcards (``list-mailbox``)."""
        return self._text(_LIST_MAILBOX)

    def string(self) -> bytes:
        """Read a quoted string or a literal."""
        if self.peek(b'"'):
            quoted = self._take(_QUOTED, "Quoted string")[1]
            return _ESCAPE.sub(rb"\1", quoted) if b"\\" in quoted else quoted
        if self.peek(b"{"):
            return self._literal()
        raise BadSyntax("String expected")

    def nstring8(self) -> bytes | None:
        """Read a string, one that may hold NUL (``literal8``, RFC 3516 section 7), or NIL."""
        return self._literal(is_binary=True) if self.skip(b"~") else self.nstring()

    def nstring(self) -> bytes | None:
        """Read a string or NIL."""
        return None if self.skip_nil() else self.string()

    def skip_nil(self) -> bool:
        """Pass NIL if it comes next."""
        is_nil = self._data[self.at : self.at + 3].upper() == b"NIL"
        self.at += 3 * is_nil
        return is_nil

    def rest(self) -> bytes:
        """Return what is left."""
        return self._data[self.at :]

    def _text(self, bare: re.Pattern[bytes]) -> bytes:
        return self.string() if self.peek(b'"') or self.peek(b"{") else self._take(bare, "String")[0]

    def _literal(self, *, is_binary: bool = False) -> bytes:
        size = int(self._take(_LITERAL, "Literal")[1])
        text = self._data[self.at : self.at + size]
        if len(text) < size or (b"\0" in text and not is_binary):  # RFC 3501 section 9: CHAR8 is any octet but NUL
            raise BadSyntax("Invalid literal")
        self.at += size
        return text

    def _take(self, pattern: re.Pattern[bytes], name: str) -> re.Match[bytes]:
        found = pattern.match(self._data, self.at)
        if found is None:
            raise BadSyntax(f"{name} expected")
        self.at = found.end()
        return found
