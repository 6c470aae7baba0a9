"""One line of the wire: checksum, framing, and finding lines in anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.hardware.wire import MAX_LINE, Splitter, crc8, frame_line, parse_line

LETTERS = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "*")
TEXTS = st.text(alphabet=LETTERS, min_size=1, max_size=60)


def test_crc_check_value() -> None:
    assert crc8(b"123456789") == 0xF4
    assert crc8(b"") == 0


def test_a_line_as_the_contract_writes_it() -> None:
    assert frame_line("123456789") == b"123456789*F4\n"
    assert parse_line(b"123456789*F4\n") == "123456789"
    assert parse_line(b"123456789*F4") == "123456789"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\n", id="only-LF"),
        pytest.param(b"*00\n", id="no-text"),
        pytest.param(b"123456789*f4\n", id="lower-case"),
        pytest.param(b"123456789*F5\n", id="wrong-checksum"),
        pytest.param(b"123456789*F4\r\n", id="CR"),
        pytest.param(b"123456789 F4\n", id="no-star"),
        pytest.param(b"a*b*%02X\n" % crc8(b"a*b"), id="star-in-text"),
        pytest.param(b"a\x07*%02X\n" % crc8(b"a\x07"), id="control-character"),
        pytest.param(b"\xe9*%02X\n" % crc8(b"\xe9"), id="not-ASCII"),
        pytest.param(b"x" * 61 + b"*%02X\n" % crc8(b"x" * 61), id="65-bytes"),
    ],
)
def test_what_is_no_line(line: bytes) -> None:
    assert parse_line(line) is None


@pytest.mark.parametrize("text", ["", "a*b", "a\nb", "\xe9", "x" * 61])
def test_what_cannot_be_framed(text: str) -> None:
    with pytest.raises(ValueError, match=r"wire|longer"):
        frame_line(text)


def test_the_longest_line_has_64_bytes() -> None:
    line = frame_line("x" * 60)
    assert len(line) == MAX_LINE
    assert Splitter().feed(line) == ["x" * 60]


@given(TEXTS)
def test_framed_text_comes_back(text: str) -> None:
    assert parse_line(frame_line(text)) == text


@given(TEXTS, st.data())
def test_one_flipped_bit_is_seen(text: str, data: st.DataObject) -> None:
    line = bytearray(frame_line(text))
    at = data.draw(st.integers(0, len(line) - 1))
    line[at] ^= 1 << data.draw(st.integers(0, 7))
    assert text not in Splitter().feed(bytes(line) + b"\n")


@given(st.binary(max_size=300))
def test_every_byte_is_in_a_line_or_counted(data: bytes) -> None:
    splitter = Splitter()
    texts = splitter.feed(data) + splitter.feed(b"\n")
    assert splitter.bad_bytes + sum(len(frame_line(t)) for t in texts) == len(data) + 1


@given(st.binary(max_size=300), st.lists(TEXTS, min_size=1, max_size=4))
def test_lines_after_garbage_are_found(garbage: bytes, texts: list[str]) -> None:
    data = garbage + b"\n" + b"".join(map(frame_line, texts))
    assert Splitter().feed(data)[-len(texts) :] == texts


@given(st.binary(max_size=300), TEXTS)
def test_garbage_costs_one_line_at_most(garbage: bytes, text: str) -> None:
    line = frame_line(text)
    assert Splitter().feed(garbage + line + line)[-1] == text


@given(st.lists(st.one_of(st.binary(max_size=90), TEXTS.map(frame_line)), max_size=8), st.data())
def test_how_the_bytes_are_cut_changes_nothing(parts: list[bytes], data: st.DataObject) -> None:
    whole, pieces = Splitter(), Splitter()
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    texts = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        texts += pieces.feed(stream[start:end])
    assert texts == whole.feed(stream)
    assert pieces.feed(b"\n") == whole.feed(b"\n")
    assert pieces.bad_bytes == whole.bad_bytes


def test_a_line_that_began_can_be_forgotten() -> None:
    splitter = Splitter()
    splitter.feed(b"half a li")
    splitter.clear()
    assert splitter.feed(frame_line("1 ok")) == ["1 ok"]
