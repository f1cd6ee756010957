import pytest

from services.kernel.mailbox import filename, flags
from services.kernel.mailbox.trouble import TooManyKeywords


def test_flags_become_letters_in_the_order_that_maildir_asks_for() -> None:
    bits = flags.to_bits({"\\Seen", "\\draft", "\\DELETED", "$forwarded"}, ("Junk", "$Forwarded"))
    assert flags.letters(bits) == "DSTb"
    assert flags.from_letters("DSTb") == bits
    assert flags.names(bits, ("Junk", "$Forwarded")) == {"\\Seen", "\\Draft", "\\Deleted", "$Forwarded"}


def test_letter_without_an_imap_flag_is_kept_and_not_shown() -> None:
    bits = flags.from_letters("PS!")
    assert flags.letters(bits) == "PS"
    assert flags.names(bits, ()) == {"\\Seen"}


def test_keyword_is_added_once_whatever_its_case() -> None:
    assert flags.add_keywords(["\\Seen", "junk", "New"], ("Junk",)) == ("Junk", "New")


def test_keyword_beyond_the_alphabet_is_refused() -> None:
    full = tuple(f"k{number}" for number in range(flags.KEYWORD_LIMIT))
    assert flags.add_keywords(["K3"], full) == full
    with pytest.raises(TooManyKeywords):
        flags.add_keywords(["another"], full)


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("1.M2P3.host,S=10,W=11,U=7:2,FS", filename.FileName("1.M2P3.host,S=10,W=11,U=7", 10, 11, 7, flags.from_letters("FS"))),
        ("1.courier", filename.FileName("1.courier", None, None, None, 0)),
        ("1.a,S=5:2,", filename.FileName("1.a,S=5", 5, None, None, 0)),
        ("1.a,S=x,U=:1,foo", filename.FileName("1.a,S=x,U=", None, None, None, 0)),
    ],
)
def test_file_name_says_what_it_can(name: str, parsed: filename.FileName) -> None:
    assert filename.parse(name) == parsed


def test_adopted_name_keeps_what_the_stranger_chose_and_has_our_fields() -> None:
    assert filename.adopt(filename.parse("1.M2P3.host,S=10,W=11:2,S"), 10, 11, 7) == "1.M2P3.host,S=10,W=11,U=7"
    assert filename.adopt(filename.parse("mail,U=99"), 4, 5, 7) == "mail,S=4,W=5,U=7"


def test_unique_names_are_unique_within_one_moment() -> None:
    make = filename.UniqueNames(lambda: 1.5, 7).make
    assert len({make() for _ in range(100)}) == 100
