"""Values of MIME parameters as text (RFC 2231, RFC 2047)."""

from urllib.parse import unquote_to_bytes

from services.kernel.mail.decoding import decode_header, decode_text
from services.kernel.mail.mime.media import Parameters


def parameter_text(parameters: Parameters, name: str) -> str | None:
    """The value of a parameter (name in lower case), its charset and percent codes undone; ``None`` when it is not there."""
    key = name.encode("utf-8", "replace")
    for found, value in parameters:
        if found.lower() == key:
            return decode_header(value)
        if found.lower() == key + b"*":
            charset, _, rest = value.partition(b"'")
            text = rest.partition(b"'")[2] if b"'" in rest else value
            return decode_text(unquote_to_bytes(text), charset or b"utf-8")
    return None
