"""Whatever the script and the message: compiling raises nothing but ``SieveErrors``, running raises nothing, and no message is forgotten."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.sieve.capabilities import CAPABILITIES
from services.kernel.sieve.delivery import Delivery, Envelope, Stage
from services.kernel.sieve.flaws import SieveErrors
from services.kernel.sieve.limits import Limits
from services.kernel.sieve.regex import compile_regex
from services.kernel.sieve.running import run
from services.kernel.sieve.script import Script, compile_script
from services.kernel.sieve.vocabulary import WORDS
from services.kernel.sieve.wildcards import compile_wildcard
from tests.unit.kernel.sieve.scripts import World

LIMITS = Limits(steps=20_000)
REQUIRE = "require [" + ",".join(f'"{name}"' for name in sorted(CAPABILITIES)) + "];\n"
STRINGS = [
    "",
    "*",
    "?*",
    "${1}",
    "${a}",
    "a@b.test",
    "to",
    "subject",
    "content-type",
    "\\\\Seen",
    "mailto:a@b.test",
    "date",
    "+0100",
    "gt",
    "(a|b*)*",
    "é",
]
WORD = st.sampled_from([*WORDS, "frop"])
STRING = st.sampled_from(STRINGS).map(lambda text: f'"{text}"')
TAG = st.sampled_from(sorted({f":{option.name}" for word in WORDS.values() for option in word.options}))
ARGUMENT = st.one_of(STRING, st.lists(STRING, min_size=1, max_size=3).map(lambda items: f"[{','.join(items)}]"), TAG, st.integers(0, 9).map(str))
CALL = st.tuples(WORD, st.lists(ARGUMENT, max_size=5)).map(lambda pair: " ".join([pair[0], *pair[1]]))
TEST = st.recursive(
    CALL, lambda inner: st.one_of(inner.map("not {}".format), st.lists(inner, min_size=1, max_size=3).map(lambda t: f"anyof({','.join(t)})"))
)
COMMAND = st.recursive(
    CALL.map(lambda call: call + ";"),
    lambda inner: st.tuples(st.sampled_from(["if {} {{ {} }}", "foreverypart {{ {1} }}"]), TEST, inner).map(lambda t: t[0].format(t[1], t[2])),
    max_leaves=4,
)
LINES = b"""To: a@b.test
Subject: =?utf-8?b?4pyT?=
Date: Mon, 1 Jan 2026 00:00:00 +0000
Content-Type: multipart/mixed; boundary=x
--x
--x--

Content-Type: message/rfc822
Content-Transfer-Encoding: base64
From: <a@b>, c: d@e;
List-Id: x""".split(b"\n")
LINE = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(LINES),
)
MESSAGE = st.lists(LINE, max_size=12).map(b"\r\n".join)


def compiled(source: bytes) -> Script | None:
    """The script, or ``None`` when it has errors with their places."""
    try:
        return compile_script(source, limits=LIMITS)
    except SieveErrors as errors:
        assert errors.flaws  # noqa: PT017  # no error is expected, only allowed
        return None


def run_over(script: Script, message: bytes) -> None:
    delivery = Delivery(message, Envelope("bob@world.test", "alice@example.test"), datetime.now(UTC))
    result = run([Stage("fuzz", script)], delivery, World(), LIMITS, traced=True)
    assert result.actions
    assert result.steps < 2 * LIMITS.steps + 100_000


@given(st.binary(max_size=200))
def test_any_octets_compile_or_have_errors(source: bytes) -> None:
    compiled(source)


@settings(max_examples=300)
@given(st.lists(COMMAND, max_size=5), MESSAGE)
def test_script_like_text_over_a_message(commands: list[str], message: bytes) -> None:
    script = compiled((REQUIRE + "\n".join(commands)).encode())
    if script is not None:
        run_over(script, message)


TESTS = [
    'header :matches ["to", "subject", "from"] "*{}*"',
    'address :detail "from" "{}"',
    'body :text :contains "{}"',
    'body :content "" :regex "({}|x)*y"',
    'date "date" "std11" "{}"',
    'header :mime :anychild :param "boundary" "content-type" "{}"',
    'string :value "ge" :comparator "i;ascii-numeric" "${{1}}" "{}"',
]
ACTIONS = [
    'fileinto "{}";',
    'addheader "X-A" "{}";',
    'vacation "{}";',
    'set "a" "{}${{a}}";',
    'deleteheader "subject" "{}";',
    'foreverypart {{ extracttext "a"; }}',
]
KEY = st.text(st.characters(codec="utf-8", exclude_characters='"\\\0'), max_size=6)


@pytest.mark.parametrize("test", TESTS)
@settings(max_examples=60)
@given(action=st.sampled_from(ACTIONS), key=KEY, message=MESSAGE)
def test_good_script_over_any_message(test: str, action: str, key: str, message: bytes) -> None:
    script = compiled((REQUIRE + f"if {test.format(key)} {{ {action.format(key)} }} {action.format(key)}").encode())
    if script is not None:  # a key can be no pattern, and no mailbox
        run_over(script, message)


ATOM = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "(a|b)", "(ab)", "(a*)", "(b|ab|c)", "(c{1,2}b?)", "(a|)"])
REPEAT = st.sampled_from(["", "", "*", "+", "?", "{2}", "{0,2}", "{1,}"])
PIECES = st.lists(st.one_of(st.tuples(ATOM, REPEAT).map("".join), st.sampled_from(["^", "$"])), min_size=1, max_size=5).map("".join)


@settings(max_examples=500)
@given(st.lists(PIECES, min_size=1, max_size=3).map("|".join), st.text("abc", max_size=10))
def test_pattern_finds_where_another_engine_does_and_no_less(pattern: str, text: str) -> None:
    """Python's engine takes the first alternative, POSIX the longest: the same beginning, and no earlier end."""
    spans = compile_regex(pattern, False, 4000).search(text, lambda steps: None)
    other = re.search(pattern, text)
    assert (spans is None) is (other is None)
    assert spans is None or other is None or (spans[0][0] == other.start() and spans[0][1] >= other.end())


@settings(max_examples=500)
@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_wildcards_match_what_a_regular_expression_does(pattern: str, text: str) -> None:
    translated = pattern.replace("*", "(.*?)").replace("?)", "\0").replace("?", "(.)").replace("\0", "?)")
    found = re.fullmatch(translated, text)
    spans = compile_wildcard(pattern).match(text)
    assert spans == (None if found is None else [found.span(number) for number in range(1, (found.re.groups or 0) + 1)])
