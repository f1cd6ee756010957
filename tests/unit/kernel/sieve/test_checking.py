"""What a script may say, and what it hears otherwise."""

import pytest

from tests.unit.kernel.sieve.scripts import flaws

NAMES = [
    ("fileinto", 'fileinto "x";'),
    ("envelope", 'if envelope "from" "x" {}'),
    ("vacation", 'vacation "x";'),
    ("variables", 'set "a" "b";'),
    ("imap4flags", 'addflag "x";'),
    ("body", 'if body :raw "x" {}'),
    ("date", 'if currentdate "year" "2026" {}'),
    ("reject", 'reject "x";'),
    ("ereject", 'ereject "x";'),
    ("enotify", 'notify "mailto:a@b.test";'),
    ("include", 'include "x";'),
    ("duplicate", "if duplicate {}"),
    ("editheader", 'addheader "X-A" "b";'),
    ("mailbox", 'if mailboxexists "x" {}'),
    ("special-use", 'if specialuse_exists "\\\\Junk" {}'),
    ("environment", 'if environment "name" "x" {}'),
    ("foreverypart", "foreverypart { break; }"),
    ("copy", 'redirect :copy "a@b.test";'),
    ("relational", 'if header :count "gt" "subject" "1" {}'),
    ("subaddress", 'if address :detail "to" "x" {}'),
    ("index", 'if header :index 1 "to" "x" {}'),
    ("regex", 'if header :regex "to" "x" {}'),
    ("mime", 'if header :mime "to" "x" {}'),
    ("comparator-i;ascii-numeric", 'if header :comparator "i;ascii-numeric" "to" "1" {}'),
    ("comparator-i;unicode-casemap", 'if header :comparator "i;unicode-casemap" "to" "1" {}'),
    ("redirect-dsn", 'redirect :notify "NEVER" "a@b.test";'),
]


@pytest.mark.parametrize(("name", "use"), NAMES, ids=[name for name, _ in NAMES])
def test_extension_is_there_once_it_is_required_and_not_before(name: str, use: str) -> None:
    assert flaws(f'require "{name}";\n{use}') == []
    (flaw, *_) = flaws(use)
    assert flaw.startswith("line 1, column ") and f"'require \"{name}\"'" in flaw


def test_capability_that_is_not_there_is_an_error_with_its_place() -> None:
    assert flaws('require ["fileinto",\n  "frop"];') == ["line 2, column 3: require: unknown Sieve capability 'frop'"]


def test_require_stands_first() -> None:
    assert flaws('keep;\nrequire "copy";') == ["line 2, column 1: require stands only at the beginning of a script, before all other commands"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("if size 3 { }", "the size test needs :over or :under"),
        ("if size :over :under 3 { }", "tagged argument ':under' for the size test is one too many of its kind"),
        ('if header :is :is "a" "b" { }', "one too many of its kind"),
        ('if header "a" { }', "the header test requires 2 positional arguments, but 1 is specified"),
        ('if header "a" 2 { }', "the header test expects a string list as argument 2 (key list), but a number was found"),
        ('if address "subject" "x" { }', "header 'subject' is not allowed for the address test"),
        ('if header :comparator "i;frop" "a" "b" { }', "unknown comparator 'i;frop'"),
        ('redirect "nobody";', "'nobody' is not an address that mail can be sent to"),
        ('redirect "a@b.test, c@d.test";', "is not an address that mail can be sent to"),
        ("keep\ndiscard;", "missing semicolon ';' after the keep command"),
        ('if header contains "a" "b" { }', "missing colon ':' before 'contains' tag in the header test"),
        ("else { keep; }", "the else command does not follow an if or elsif command"),
        ("if true;", "the if command requires a block"),
        ("true;", "attempt to use test 'true' as command"),
        ("if keep { }", "attempt to use command 'keep' as test"),
        ("if anyof true { }", "requires a list of tests, but one test is specified"),
        ("stop true;", "the stop command accepts no sub-tests"),
    ],
)
def test_mistake_is_told_in_plain_words(source: str, words: str) -> None:
    assert any(words in flaw for flaw in flaws(source))


def test_both_branches_are_looked_at_even_when_the_test_is_wrong() -> None:
    assert [flaw.split(",")[0] for flaw in flaws("if frop { bad1; }\nelse { bad2; }")] == ["line 1", "line 1", "line 2"]


def test_what_can_never_run_is_not_looked_at() -> None:
    assert flaws('require "ihave"; if ihave "frop" { frop "x"; } elsif not ihave ["fileinto"] { frop; } else { fileinto "A"; }') == []


def test_ihave_of_what_is_there_is_a_require() -> None:
    assert flaws('require "ihave"; if allof (ihave "fileinto", true) { fileinto "A"; }') == []


def test_number_of_variables_is_limited_and_told_once() -> None:
    source = 'require "variables";' + "".join(f'set "v{number}" "";\n' for number in range(300))
    assert flaws(source) == ["line 256, column 1: the script has too many variables, the limit is 255"]
