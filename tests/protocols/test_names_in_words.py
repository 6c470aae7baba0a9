"""Names of phases as people say them; files keep theirs."""

import pytest

from protocols.wording import name_words, named, names_in_words


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pretest", "Pre-test"),
        ("posttest2", "Post-test 2"),
        ("conditioning1a", "Conditioning 1a"),
        ("extinction12", "Extinction 12"),
        ("reinstatement1", "Reinstatement 1"),
        ("homecage_conditioning", "Homecage conditioning"),
        ("test-retest", "Test-retest"),
        ("", ""),
    ],
)
def test_a_name_is_said(name: str, said: str) -> None:
    assert named(name) == said
    assert name_words(name).lower() == said.lower()


def test_names_in_a_sentence_are_said_and_paths_stay() -> None:
    told = "M01: conditioning1a is not run (left: pretest); M01/pretest/1, ses-01_phase-pretest/a"
    said = "M01: conditioning 1a is not run (left: pre-test); M01/pretest/1, ses-01_phase-pretest/a"
    assert names_in_words(told) == said


def test_names_of_the_library_are_said_and_files_of_that_name_stay() -> None:
    told = "pretest.toml: treatment1 comes after test2. Then posttest."
    assert names_in_words(told) == "pretest.toml: treatment 1 comes after test 2. Then post-test."


def test_a_labs_own_names_are_said_in_a_sentence_and_nothing_else_of_their_kind() -> None:
    told = "M04 novelty3: place by 20:49 (box2, left: home_cage); novelty3.toml, M04/novelty1"
    own = ("novelty1", "home_cage", "day1swim", "pretest")
    said = "M04 novelty 3: place by 20:49 (box2, left: home cage); novelty3.toml, M04/novelty1"
    assert names_in_words(told, own) == said
    assert names_in_words(told) == told
