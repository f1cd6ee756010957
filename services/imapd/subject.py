"""The base subject, by which replies are put with what they reply to (RFC 5256 sections 2.1 and 5)."""

import re

MAX_CHARACTERS = 2_000
"""Of a subject that are looked at; two lines of RFC 5322 section 2.1.1."""

_BLANKS = re.compile(r"[ \t\r\n]+")
_BLOB_FORM = r"\[[^\[\]]*\] *"
_BLOB = re.compile(_BLOB_FORM)
_REPLY = re.compile(rf"(?:{_BLOB_FORM})*(?:re|fwd?) *(?:{_BLOB_FORM})?:", re.IGNORECASE)
_FORWARD_TRAILER = "(fwd)"
_FORWARD_HEAD = "[fwd:"


def base_subject(text: str) -> tuple[str, bool]:
    """Return the base of a decoded subject, and whether it is that of a reply or forward (RFC 5256 section 3, step 5)."""
    text = _BLANKS.sub(" ", text[:MAX_CHARACTERS])
    is_reply = False
    while True:
        text, was_forward = _without_trailers(text)
        text, was_reply = _without_leaders(text)
        is_reply = is_reply or was_forward or was_reply
        if not (text[: len(_FORWARD_HEAD)].lower() == _FORWARD_HEAD and text.endswith("]")):
            return text, is_reply
        text, is_reply = text[len(_FORWARD_HEAD) : -1], True


def _without_trailers(text: str) -> tuple[str, bool]:
    """Step 2."""
    was_forward = False
    while True:
        text = text.rstrip(" ")
        if text[-len(_FORWARD_TRAILER) :].lower() != _FORWARD_TRAILER:
            return text, was_forward
        text, was_forward = text[: -len(_FORWARD_TRAILER)], True


def _without_leaders(text: str) -> tuple[str, bool]:
    """Steps 3 to 5: what stands in brackets goes unless nothing would be left."""
    was_reply = False
    while True:
        text = text.lstrip(" ")
        if found := _REPLY.match(text):
            text, was_reply = text[found.end() :], True
        elif (found := _BLOB.match(text)) and found.end() < len(text):
            text = text[found.end() :]
        else:
            return text, was_reply
