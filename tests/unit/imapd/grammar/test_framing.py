"""Bytes become commands, whatever their packets."""

import pytest

from services.imapd.grammar.framing import MAX_LINE_BYTES, Block, Command, Event, Framer, Offer, Overflow


def drain(framer: Framer) -> list[Event]:
    events = []
    while (event := framer.next_event()) is not None:
        events.append(event)
    return events


def frame(data: bytes) -> Framer:
    framer = Framer()
    framer.feed(data)
    return framer


def test_pipelined_commands_come_one_by_one() -> None:
    assert drain(frame(b"a NOOP\r\nb NOOP\nc NO")) == [Command(b"a NOOP"), Command(b"b NOOP")]


def test_command_in_single_bytes_is_the_same() -> None:
    framer = Framer()
    events: list[Event] = []
    for byte in b"a NOOP\r\n":
        framer.feed(bytes([byte]))
        events += drain(framer)
    assert events == [Command(b"a NOOP")]


def test_literal_is_offered_before_it_is_taken() -> None:
    framer = frame(b"a LOGIN {5}\r\n")
    assert framer.next_event() == Offer(b"a LOGIN {5}\r\n", 5, is_waiting=True, fits=True)
    framer.accept()
    framer.feed(b"alice secret\r\n")
    assert framer.next_event() == Command(b"a LOGIN {5}\r\nalice secret")


def test_literal_may_hold_what_looks_like_a_command() -> None:
    framer = frame(b"a X {8+}\r\nb NOOP\r\n\r\nc NOOP\r\n")
    assert framer.next_event() == Offer(b"a X {8+}\r\n", 8, is_waiting=False, fits=True)
    framer.accept()
    assert drain(framer) == [Command(b"a X {8+}\r\nb NOOP\r\n"), Command(b"c NOOP")]


def test_streamed_literal_comes_in_blocks_and_then_the_command() -> None:
    framer = frame(b"a APPEND x {6}\r\n")
    framer.next_event()
    framer.stream()
    framer.feed(b"one")
    assert drain(framer) == [Block(b"one", is_last=False)]
    framer.feed(b"two\r\n")
    assert drain(framer) == [Block(b"two", is_last=True), Command(b"a APPEND x {6}\r\n")]


def test_streamed_literal_may_be_empty() -> None:
    framer = frame(b"a APPEND x {0+}\r\n\r\n")
    framer.next_event()
    framer.stream()
    assert drain(framer) == [Block(b"", is_last=True), Command(b"a APPEND x {0+}\r\n")]


def test_refused_literal_of_a_waiting_client_ends_the_command() -> None:
    framer = frame(b"a X {9999999999}\r\n")
    offer = framer.next_event()
    assert isinstance(offer, Offer) and not offer.fits
    framer.refuse()
    framer.feed(b"b NOOP\r\n")
    assert drain(framer) == [Command(b"b NOOP")]


@pytest.mark.parametrize("rest", [b"\r\n", b" more\r\n", b" {3+}\r\nxyz more\r\n", b" {3}\r\n"])
def test_refused_literal_that_comes_anyway_is_passed_over_with_the_rest(rest: bytes) -> None:
    framer = frame(b"a X {200000+}\r\n")
    framer.next_event()
    framer.refuse()
    for _ in range(200):
        framer.feed(b"b\r\nx{5+}\r\n" * 100)
        assert framer.next_event() is None
        assert framer.buffered == 0
    framer.feed(rest + b"c NOOP\r\n")
    assert drain(framer) == [Command(b"c NOOP")]


def test_line_that_is_too_long_is_passed_over_in_bounded_memory() -> None:
    framer = frame(b"a " + b"x" * MAX_LINE_BYTES)
    event = framer.next_event()
    assert isinstance(event, Overflow) and event.head.startswith(b"a x")
    for _ in range(100):
        framer.feed(b"y" * 1000)
        assert framer.next_event() is None
    assert framer.buffered < 100
    framer.feed(b"\r\nb NOOP\r\n")
    assert drain(framer) == [Command(b"b NOOP")]


def test_long_line_that_came_whole_is_refused_too() -> None:
    framer = frame(b"a " + b"x" * MAX_LINE_BYTES + b"\r\nb NOOP\r\n")
    assert isinstance(framer.next_event(), Overflow)
    assert drain(framer) == [Command(b"b NOOP")]


def test_long_chain_of_skipped_literals_needs_no_deep_stack() -> None:
    framer = frame(b"a X {1+}\r\n")
    framer.next_event()
    framer.refuse()
    framer.feed(b"x{1+}\r\n" * 20_000 + b"x\r\nb NOOP\r\n")
    assert drain(framer) == [Command(b"b NOOP")]


def test_discarded_input_is_gone() -> None:
    framer = frame(b"a STARTTLS\r\nb LOGIN x y\r\nc LOG")
    assert framer.next_event() == Command(b"a STARTTLS")
    framer.discard()
    framer.feed(b"d NOOP\r\n")
    assert drain(framer) == [Command(b"d NOOP")]


def test_line_for_sasl_is_taken_as_it_is() -> None:
    framer = frame(b"AGFsaWNlAHNlY3JldA=={5}\r\nDO")
    assert framer.take_line() == b"AGFsaWNlAHNlY3JldA=={5}"
    assert framer.take_line() is None
    framer.feed(b"NE\r\n")
    assert framer.take_line() == b"DONE"
