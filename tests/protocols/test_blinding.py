"""The sealed key: two ways to open it, proved without opening, closed to anything else."""

import json
from pathlib import Path

import pytest

from protocols import blinding
from protocols.blinding import (
    Key,
    WrongPassphraseError,
    label_codes,
    new_key,
    prove,
    read_key,
    seal,
    unseal,
)
from protocols.dosing import As, Drug, check_volumes, ml_per_kg, volume_ml
from rig.errors import ConfigError

ANN, BOB = "a horse by the river", "Grüße aus der Küche"
TOLD = {"places": [{"animal": "M01", "group": "cocaine"}], "seed": "the-seed-of-it"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest scrypt that the file allows."""
    monkeypatch.setattr(blinding, "_N", 2**14)


@pytest.fixture
def key() -> Key:
    made, sheet = new_key({"ann": ANN, "bob": BOB}, sheet=False)
    assert sheet is None
    return seal(made, "allocation", TOLD, "2026-01-05T09:00:00+00:00")


def test_each_holder_opens_it_and_the_file_tells_nothing(key: Key, tmp_path: Path) -> None:
    (tmp_path / "key.sealed").write_text(key.text(), encoding="utf-8")
    text = (tmp_path / "key.sealed").read_text(encoding="utf-8")
    for word in ("cocaine", "the-seed", "animal", "horse"):
        assert word not in text
        assert word.encode().hex() not in text
    read = read_key(text, "key.sealed")
    for holder, words in (("ann", ANN), ("bob", BOB)):
        prove(read, holder, words)
        assert unseal(read, holder, words)[0].content == TOLD
    # The same letters as another keyboard gives them, in two characters each.
    unseal(read, "bob", "Gru\u0308ße aus der Ku\u0308che")


def test_a_part_is_added_without_a_passphrase_and_lengths_tell_little(key: Key) -> None:
    more = seal(key, "labels", {"K7": "saline"}, "2026-01-06T09:00:00+00:00")
    assert [part.kind for part in unseal(more, "ann", ANN)] == ["allocation", "labels"]
    assert len(more.part[0].box) == len(more.part[1].box)


def test_the_parts_of_single_animals_are_of_one_length(key: Key) -> None:
    contents = {"M1": "x" * 100, "M2": "x" * 9000, "M3": "x" * 5000}
    each = blinding.seal_each(key, contents, "now")
    each = blinding.seal_each(each, {"M4": "x"}, "later")
    own = [part for part in each.part if part.kind.startswith("animal ")]
    assert [part.kind for part in own] == ["animal M1", "animal M2", "animal M3", "animal M4"]
    assert len({len(part.box) for part in own}) == 1
    [one] = unseal(each, "ann", ANN, "animal M2")
    assert one.content == "x" * 9000


def test_the_printed_sheet_opens_it_however_it_is_typed() -> None:
    made, sheet = new_key({"ann": ANN}, sheet=True)
    assert sheet is not None
    made = seal(made, "allocation", TOLD, "now")
    assert unseal(made, "recovery", sheet.lower().replace("-", " "))[0].content == TOLD
    assert sheet not in made.text()


@pytest.mark.parametrize(
    ("holder", "words"),
    [("ann", BOB), ("ann", ANN + " "), ("nobody", ANN), ("recovery", ANN), ("ann", "")],
    ids=["another's", "nearly", "no-holder", "no-sheet", "empty"],
)
def test_a_wrong_passphrase_gets_one_answer(key: Key, holder: str, words: str) -> None:
    with pytest.raises(WrongPassphraseError) as said:
        prove(key, holder, words)
    assert str(said.value) == "the key stayed closed: wrong holder or passphrase"


def test_a_wrong_name_does_the_same_work(key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    stretched = blinding._stretched

    def counted(words: str, salt: bytes, n: int) -> bytes:
        done.append(n)
        return stretched(words, salt, n)

    monkeypatch.setattr(blinding, "_stretched", counted)
    for holder in ("ann", "nobody"):
        with pytest.raises(WrongPassphraseError):
            prove(key, holder, "wrong as can be")
    assert done == [2**14, 2**14]


def test_what_was_altered_is_found_by_proof_and_by_opening(key: Key) -> None:
    box = key.part[0].box
    bent = key.part[0].model_copy(update={"box": ("0" if box[0] != "0" else "1") + box[1:]})
    altered = key.model_copy(update={"part": (bent,)})
    for open_it in (prove, unseal):
        with pytest.raises(ConfigError, match="part 1: was altered"):
            open_it(altered, "ann", ANN)
    moved = key.part[0].model_copy(update={"at": "another day"})
    with pytest.raises(ConfigError, match="part 1: was altered"):
        prove(key.model_copy(update={"part": (moved,)}), "ann", ANN)


@pytest.mark.parametrize(
    ("holders", "message"),
    [
        ({"ann": ANN}, "one holder alone"),
        ({"ann": ANN, "bob": "short"}, "bob's passphrase is shorter than 12"),
        ({"ann": ANN, "bob": ANN}, "two holders with one passphrase"),
        ({"ann": ANN, "recovery": BOB}, "name of the sheet"),
    ],
)
def test_a_key_has_two_ways_in(holders: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        new_key(holders, sheet=False)


def test_a_damaged_or_newer_key_is_one_line(key: Key) -> None:
    with pytest.raises(ConfigError, match="damaged"):
        read_key(key.text()[:-20], "key.sealed")
    newer = json.loads(key.text()) | {"version": 2}
    with pytest.raises(ConfigError, match="version: 2"):
        read_key(json.dumps(newer), "key.sealed")


def test_labels_are_new_and_no_words() -> None:
    codes = label_codes(300, {"BCDFG"})
    assert len(set(codes)) == 300
    assert all(len(code) == 5 and not set(code) & set("AEIOU01") for code in codes)


# volumes


def test_volumes_follow_dose_salt_and_concentration() -> None:
    cocaine = Drug(name="cocaine", concentration_mg_ml=1.5, dose_as=As.SALT)
    assert ml_per_kg(cocaine, 15) == pytest.approx(10)
    nicotine = Drug(name="n", concentration_mg_ml=0.1425, dose_as=As.BASE, salt_factor=2.85)
    assert ml_per_kg(nicotine, 0.5) == pytest.approx(10)
    as_base = nicotine.model_copy(update={"concentration_as": As.BASE})
    assert ml_per_kg(as_base, 0.5) == pytest.approx(0.5 / 0.1425)
    assert volume_ml(10, 24.3) == 0.24
    with pytest.raises(ValueError, match="no weight of a mouse"):
        volume_ml(10, 243)
    with pytest.raises(ValueError, match="dose above 0"):
        ml_per_kg(cocaine, None)
    with pytest.raises(ValueError, match="say dose_as"):
        Drug(name="cocaine", concentration_mg_ml=1.5)


def test_volumes_that_differ_are_refused_with_the_remedy() -> None:
    assert check_volumes({"cocaine": 10.0, "saline": 10.0}, "study.toml") == 10
    with pytest.raises(ConfigError, match=r"unblinded by volume: cocaine 10, saline 5 ml/kg") as e:
        check_volumes({"cocaine": 10.0, "saline": 5.0}, "study.toml")
    assert "dilute" in str(e.value)
    with pytest.raises(ConfigError, match="endangers"):
        check_volumes({"cocaine": 30.0, "saline": 30.0}, "study.toml")
