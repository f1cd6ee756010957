"""Events as lines to read."""

import time
from typing import Any

import msgspec

_SHOWN = ("queue_id", "client", "login", "nexthop", "remote", "tls", "reply", "reason", "stage", "folder", "uid", "bytes", "caused_by")
"""After the addresses, in this order; a fact that is not given is left out."""


def timeline(lines: list[bytes]) -> list[str]:
    """One message: a heading, then a line an event with the time since the first, and with the site where there are several."""
    events = [msgspec.json.decode(line) for line in lines]
    start = events[0]["time"]
    message_id = next((event["message_id"] for event in events if event.get("message_id")), "")
    sender = next((event["sender"] for event in events if event.get("sender") is not None), None)
    heading = " ".join(
        part for part in (clock(start, with_date=True), message_id, "" if sender is None else f"from <{sender}>", _trace(events)) if part
    )
    has_many = len({event.get("site") for event in events}) > 1
    sites = [f"{event.get('site', ''):<10} " if has_many else "" for event in events]
    return [heading, *(f"  {event['time'] - start:+9.3f}s  {site}{describe(event)}" for site, event in zip(sites, events, strict=True))]


def describe(event: dict[str, Any]) -> str:
    """One event without its time: who, what, and the facts."""
    who = f"{event.get('service', '')}.{event.get('instance', '')}".strip(".")
    facts = [f"{name}={event[name]}" for name in _SHOWN if event.get(name)]
    return " ".join(part for part in (f"{who:<18} {event.get('kind', ''):<10}", _addresses(event), *facts) if part).replace("\n", " ")


def clock(seconds: float, *, with_date: bool = False) -> str:
    """Local time with milliseconds."""
    form = "%Y-%m-%d %H:%M:%S" if with_date else "%H:%M:%S"
    return f"{time.strftime(form, time.localtime(seconds))}.{int(seconds * 1000) % 1000:03d}"


def _trace(events: list[dict[str, Any]]) -> str:
    return next((f"trace {event['trace']}" for event in events if event.get("trace")), "")


def _addresses(event: dict[str, Any]) -> str:
    recipient, original = event.get("recipient", ""), event.get("original", "")
    if not recipient:
        return f"from <{event['sender']}>" if event.get("sender") is not None else ""
    return f"to <{recipient}>" + (f" (for <{original}>)" if original and original != recipient else "")
