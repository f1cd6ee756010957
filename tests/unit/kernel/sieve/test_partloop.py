"""Loops over MIME parts (RFC 5703)."""

import pytest

from services.kernel.sieve.actions import Discard
from tests.unit.kernel.sieve.scripts import flaws, judge

REQUIRE = 'require ["foreverypart", "mime", "extracttext", "variables"];'
MESSAGE = (
    b"Content-Type: multipart/mixed; boundary=AA\r\nX-T: root\r\n\r\n--AA\r\nContent-Type: multipart/alternative; boundary=BB\r\nX-T: b\r\n\r\n"
    b"--BB\r\nX-T: c\r\n\r\nplain text\r\n--BB\r\nContent-Type: text/html\r\nX-T: d\r\n\r\n<p>html</p>\r\n--BB--\r\n--AA\r\n"
    b"Content-Type: image/png\r\nX-T: e\r\n\r\nPNG\r\n--AA--\r\n"
)


def collected(loop: str, expected: str) -> bool:
    script = f'{REQUIRE} {loop} if string :is "${{v}}" "{expected}" {{ discard; }}'
    result = judge(script, message=MESSAGE)
    assert result.error is None
    return result.actions == (Discard(),)


ADD = 'if header :mime :matches "x-t" "*" { set "v" "${v}${1} "; }'


@pytest.mark.parametrize(
    ("loop", "expected"),
    [
        (f"foreverypart {{ {ADD} }}", "root b c d e "),
        (f'foreverypart {{ if header :mime "x-t" "d" {{ break; }} {ADD} }}', "root b c "),
        (f'foreverypart :name "o" {{ foreverypart {{ {ADD} break :name "o"; }} }}', "b "),
        (f'foreverypart {{ if header :mime "x-t" "b" {{ foreverypart {{ {ADD} }} }} }}', "c d "),
        ('foreverypart { if header :mime :anychild "x-t" "d" { set "v" "${v}x"; } }', "xxx"),
        ('foreverypart { extracttext :first 5 "t"; set "v" "${v}[${t}]"; }', "[][][plain][html][]"),
        ('foreverypart { if header :mime "x-t" "c" { extracttext :upper "v"; } }', "PLAIN TEXT"),
        ('if header :mime :anychild :contenttype "content-type" "image/png" { set "v" "y"; }', "y"),
        ('if exists :mime :anychild "x-t" { set "v" "y"; }', "y"),
        ('foreverypart { if header "x-t" "root" { set "v" "${v}r"; } }', "rrrrr"),
    ],
)
def test_loop(loop: str, expected: str) -> None:
    assert collected(loop, expected)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("break;", "stands only inside a foreverypart loop"),
        ('foreverypart { break :name "x"; }', "there is no loop of the name 'x'"),
        ('extracttext "a";', "stands only inside a foreverypart loop"),
        ("foreverypart { " * 5 + "break;" + "}" * 5, "loops are nested too deep, the limit is 4"),
        ('if header :anychild "a" "b" { }', ":anychild of the header test needs :mime"),
    ],
)
def test_mistake_is_told(script: str, words: str) -> None:
    assert any(words in flaw for flaw in flaws(REQUIRE + script))


def test_extracttext_needs_its_companions() -> None:
    assert flaws('require "extracttext"; keep;') == [
        "line 1, column 1: require: 'extracttext' needs 'foreverypart' as well",
        "line 1, column 1: require: 'extracttext' needs 'variables' as well",
    ]
