import pytest

from gui.run.keys import Scan


@pytest.mark.parametrize(
    ("text", "pause_s", "tag"),
    [
        ("M042", 0.01, "M042"),
        ("M042", 0.2, ""),
        ("M1", 0.01, ""),
        ("", 0.01, ""),
    ],
    ids=["scanner", "a-person", "too-short", "nothing"],
)
def test_a_tag_is_quick_and_ends_with_enter(text: str, pause_s: float, tag: str) -> None:
    scan, now_s = Scan(), 5.0
    for letter in text:
        now_s += pause_s
        scan.letter(letter, now_s)
    assert scan.enter(now_s + pause_s) == tag
    assert scan.enter(now_s + pause_s) == ""


def test_a_tag_begins_after_what_a_person_typed() -> None:
    scan = Scan()
    assert scan.letter("x", 1.0)
    begins = [scan.letter(letter, 2.0 + n / 100) for n, letter in enumerate("M07")]
    assert begins == [True, False, False]
    assert scan.enter(2.03) == "M07"
