"""The values beside the expressions are what `postconf -x` of Postfix 3.10 makes of them."""

import pytest

from services.admin.postfix.expansion import expand, references

VALUES = {"a": "yes", "e": "", "name": "$a", "loop": "$circle", "circle": "${loop}"}


def _expand(text: str) -> str:
    return expand(text, lambda name: VALUES.get(name, ""))


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("x $a y", "x yes y"),
        ("${a}$(a)", "yesyes"),
        ("$name", "yes"),
        ("$$a", "$a"),
        ("cost 5$", "cost 5$"),
        ("${nosuch}z", "z"),
        ("${a?one:two}", "one:two"),
        ("${e?one}", ""),
        ("${e:one}", "one"),
        ("${a:one}", ""),
        ("${a?{one}:{two}}", "one"),
        ("${e?{one}:{two}}", "two"),
        ("${ a ? { one } : { two } }", "one"),
        ("${a?{${e:inner}}:{two}}", "inner"),
        ("${{$a} == {yes} ? {x} : {y}}", "x"),
        ("${{$a}!={yes}?{x}:{y}}", "y"),
        ("${{10} < {9} ? {number} : {text}}", "text"),
        ("${{ten} < {nine} ? {a} : {b}}", "b"),
        ("${{3.10} >= {3.9} ? {a} : {b}}", "b"),
        ("${{$a} == {no} ? {x}}", ""),
        ("${{3.10} >=level {3.9} ? {new} : {old}}", "new"),
        ("${{2} <level {3.6} ? {old} : {new}}", "old"),
    ],
)
def test_expression_is_expanded_as_postconf_does(text: str, expanded: str) -> None:
    assert _expand(text) == expanded


@pytest.mark.parametrize("text", ["${a", "$(a", "$ a", "${}", "${a!b}", "${{x} = {y} ? {z}}", "$loop"])
def test_what_postfix_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        _expand(text)


def test_names_in_both_branches_are_referred_to() -> None:
    assert references("$x ${a?{$b}:{$c}} ${{$d} == {1} ? {$e}}") >= {"x", "a", "b", "c", "d", "e"}
