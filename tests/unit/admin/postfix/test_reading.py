"""main.cf and master.cf as text."""

import pytest

from services.admin.postfix.lines import ImportTrouble
from services.admin.postfix.maincf import Parameters, Setting, parse
from services.admin.postfix.mastercf import parse as parse_master


def test_lines_that_begin_with_white_space_continue_over_comments_and_empty_lines() -> None:
    settings = parse("a = one\n# comment\n\n  two\n  # indented comment\n\tthree\nb=\n")
    assert settings == [Setting("a", "one\ntwo\nthree", "main.cf", 1), Setting("b", "", "main.cf", 7)]


def test_line_without_equals_sign_is_named() -> None:
    with pytest.raises(ImportTrouble, match=r"main\.cf:2: expected name = value, not 'relayhost'"):
        parse("a = b\nrelayhost\n")


def test_last_of_two_settings_counts_and_defaults_stand_behind() -> None:
    parameters = Parameters(parse("myhostname = a.example.com\nmyhostname = mx.example.org\n"))
    assert parameters.value("mydestination") == "mx.example.org, localhost.example.org, localhost"
    assert parameters.value("virtual_alias_domains") == ""


def test_master_entry_has_its_overrides_in_all_three_forms() -> None:
    (entry,) = parse_master("slow unix - - n - 2 smtp -o a=1\n  -o { b = two words }\n  -oc=3 -v\n")
    assert (entry.name, entry.kind, entry.process_limit, entry.command) == ("slow", "unix", "2", "smtp")
    assert {name: setting.value for name, setting in entry.overrides.items()} == {"a": "1", "b": "two words", "c": "3"}
    assert entry.arguments == ("-v",)


def test_all_after_argv_belongs_to_the_command() -> None:
    (entry,) = parse_master("list unix - n n - - pipe\n flags=FR user=list\n argv=/bin/post -o ${recipient} {two words}\n")
    assert entry.arguments == ("flags=FR", "user=list", "argv=/bin/post", "-o", "${recipient}", "{two words}")


def test_master_entry_with_too_few_columns_is_named() -> None:
    with pytest.raises(ImportTrouble, match=r"master\.cf:3: expected 8 columns"):
        parse_master("# x\n\nsmtp inet n - y smtpd\n")


def test_value_that_is_expanded_later_stays_as_it_is() -> None:
    parameters = Parameters(parse("default_rbl_reply = $rbl_code blocked ${rbl_reason?; $rbl_reason}\nsmtpd_expansion_filter = \\ $!%\n"))
    assert parameters.value("default_rbl_reply") == "$rbl_code blocked ${rbl_reason?; $rbl_reason}"
    assert parameters.value("smtpd_expansion_filter") == "\\ $!%"
