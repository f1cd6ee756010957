"""Sizes as the operator types and reads them."""

import pytest

from services.admin.sizes import format_size, parse_size
from services.admin.trouble import DirectoryError


@pytest.mark.parametrize(("text", "size"), [("0", 0), ("2048", 2048), ("2K", 2048), ("1.5g", 3 << 29), ("500 MB", 500 << 20), ("1TiB", 1 << 40)])
def test_size_is_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1", "1X", "1GG", "a1G"])
def test_text_that_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(DirectoryError, match="is no size"):
        parse_size(text)


@pytest.mark.parametrize(("size", "text"), [(0, "0"), (1023, "1023"), (2048, "2K"), (1600, "1.6K"), (3 << 29, "1.5G"), (5000 << 40, "5000T")])
def test_size_is_written(size: int, text: str) -> None:
    assert format_size(size) == text
