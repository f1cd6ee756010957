"""ESMTP parameters of MAIL and RCPT, and the xtext and ORCPT encodings of DSN.

Decoded values hold printable characters only, so that a report which quotes them cannot be given a line of its own.
"""

import re

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\0- =\x7f]+))?")
"""RFC 5321 section 4.1.2 ``esmtp-param``; RFC 6531 section 3.3 adds UTF-8."""
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
"""RFC 3461 section 4."""
_HEXCHAR = re.compile(r"\+([0-9A-F]{2})")
_UNSAFE = re.compile(r"[^!-*,-<>-~]")
_UNICODE_CHAR = re.compile(r"\\x\{([0-9A-F]{2,6})\}")
"""RFC 6533 section 3 ``EmbeddedUnicodeChar``."""
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9-]+")

ENVID_CHARACTERS = 100
"""RFC 3461 section 4.4."""
ORCPT_CHARACTERS = 500
"""RFC 3461 section 4.2."""


class ParameterError(ValueError):
    """A parameter is malformed."""


def parse_parameters(text: str) -> dict[str, str | None]:
    """Return the parameters by name in upper case; ``None`` for one without a value. Raises ``ParameterError``."""
    found: dict[str, str | None] = {}
    for word in text.split():
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise ParameterError("malformed parameter")
        name = match[1].upper()
        if name in found:
            raise ParameterError(f"{name} is given twice")
        found[name] = match[2]
    return found


def encode_xtext(text: str) -> str:
    """Encode ASCII text as xtext (RFC 3461 section 4)."""
    return _UNSAFE.sub(lambda match: f"+{ord(match[0]):02X}", text)


def decode_xtext(text: str) -> str:
    """Decode xtext. Raises ``ParameterError`` for what is not xtext, or hides control or 8-bit characters."""
    if not _XTEXT.fullmatch(text):
        raise ParameterError("malformed xtext")
    decoded = _HEXCHAR.sub(lambda match: chr(int(match[1], 16)), text)
    if not decoded.isascii() or not decoded.isprintable():
        raise ParameterError("characters in xtext that cannot be printed")
    return decoded


def decode_orcpt(text: str) -> str:
    """Decode an ORCPT value to ``type;address``. Raises ``ParameterError``."""
    kind, found, encoded = text.partition(";")
    if not found or not encoded or not _ADDRESS_TYPE.fullmatch(kind) or len(text) > ORCPT_CHARACTERS:
        raise ParameterError("malformed ORCPT")
    address = _decode_utf8_address(encoded) if kind.lower() == "utf-8" else decode_xtext(encoded)
    return f"{kind};{address}"


def encode_orcpt(orcpt: str, *, is_utf8: bool = False) -> str:
    """Encode ``type;address`` for RCPT TO; ``is_utf8`` says that the peer takes SMTPUTF8 (RFC 6533 section 3)."""
    kind, _, address = orcpt.partition(";")
    if kind.lower() != "utf-8":
        return f"{kind};{encode_xtext(address)}"
    return f"{kind};" + "".join(_encode_unicode(character, is_utf8) for character in address)


def _encode_unicode(character: str, is_utf8: bool) -> str:
    plain = character not in "\\+=" and (" " < character <= "~" or (is_utf8 and character > "~"))
    return character if plain else f"\\x{{{ord(character):02X}}}"


def _decode_utf8_address(encoded: str) -> str:
    try:
        decoded = _UNICODE_CHAR.sub(lambda match: chr(int(match[1], 16)), encoded)
        decoded.encode()
    except ValueError:
        raise ParameterError("malformed ORCPT") from None
    if not decoded.isprintable():
        raise ParameterError("characters in ORCPT that cannot be printed")
    return decoded
