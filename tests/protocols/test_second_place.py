"""A study's second place: what is filed is copied, verified, told, and brought back."""

import json
import shutil
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from protocols.cli.daily import Run, run
from protocols.cli.running import Manner
from protocols.store import open_store
from protocols.store import verify as trail
from protocols.study import open_study
from protocols.study.second import (
    Entry,
    Safety,
    copy_all,
    copying,
    kept_of,
    lines_of,
    safety,
    set_place,
    wait_and_copy,
)
from protocols.study.second.book import BY_HAND, DATABASE, read
from protocols.study.second.copying import SOON_S, WAITS
from rig.session import verify
from rig.storage import SessionRecord, alone_in
from tests.faults.kills import OWNER, RULES, made_study
from tests.postgres import NoServerError, postgres
from tests.protocols.conftest import Cli
from tests.small import tick_until, write_rig

BY = ("--by", OWNER)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with one session that was run and filed."""
    work = tmp_path_factory.mktemp("made")
    source = write_rig(work, frame_size_px=(160, 120), rate_hz=10.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLACEPREF_CONFIG", str(work / "config"))
        made_study(work / "S1", 2)
        assert run(work / "S1", asked("M000", source), None) == 0
    return work / "S1"


def asked(subject: str, rig: str) -> Run:
    """The command line of `study run`."""
    return Run(subject, OWNER, rig, None, None, "", None, Manner("max", 0, False, True))


@pytest.fixture
def filed(here: Path, made: Path) -> Path:
    """A copy of that study, and a place beside it."""
    (here / "disk").mkdir()
    return Path(shutil.copytree(made, here / "S1"))


@pytest.fixture
def placed(filed: Path, here: Path) -> Path:
    """The same with its second place set, and all of it copied."""
    with open_study(filed) as study:
        set_place(study, here / "disk", OWNER)
        assert set(copy_all(study).found.values()) == {Safety.TWO}
    return filed


def there(place: Path) -> Path:
    (found,) = place.iterdir()
    return found


def session(study: Path) -> Path:
    (found,) = study.glob("rawdata/sub-*/ses-*/behav")
    return found


def test_the_book_tells_what_lies_where() -> None:
    states = {"a": "1", "b": "2", DATABASE: "9"}
    book = [Entry("a", "1", "now", "/p"), Entry("b", "1", "then", "/p"), Entry("b", "2", "", "/q")]
    assert safety(states, book, "") == dict.fromkeys(states, Safety.ONE)
    found = safety(states, book, "/p")
    assert found == {"a": Safety.TWO, "b": Safety.WAITS, DATABASE: Safety.WAITS}
    assert lines_of(found, "/p", away=True) == [
        "1 of 2 sessions are safe in two places; the database waits",
        "/p is not there; what waits is copied when it is back",
        "waits for its second place: b",
    ]
    assert "no second place is set" in lines_of(found, "", away=False)[0]
    torn = book[0].line() + book[1].line()[:20] + "\n[]\n" + '{"folder": 1}\n'
    assert read(torn) == [book[0]]


def test_what_is_filed_is_copied_and_verifies_there(placed: Path, here: Path, cli: Cli) -> None:
    copy = session(there(here / "disk"))
    assert SessionRecord.open(copy).problems() == []
    assert verify(copy).ok
    assert (copy / "summary.csv").read_bytes() == (session(placed) / "summary.csv").read_bytes()
    said = cli("study", "status", "S1")
    assert "1 of 1 sessions are safe in two places" in said.out
    told = json.loads(cli("study", "status", "S1", "--json").out)["second_place"]
    name = session(placed).relative_to(placed).as_posix()
    assert told["found"][name] == "safe in two places"
    assert not list((here / "disk").rglob("*.part"))


def test_a_place_that_is_set_is_copied_to_in_the_background(
    filed: Path, here: Path, cli: Cli
) -> None:
    said = cli("study", "second", "S1", "--at", "disk", *BY)
    assert said.code == 0, said.err
    assert "on the study's own disk" in said.err
    tick_until(lambda: waits_no_more(filed))
    assert verify(session(there(here / "disk"))).ok


@pytest.mark.long
def test_a_session_is_copied_in_the_background_when_it_has_ended(placed: Path, here: Path) -> None:
    source = write_rig(here, frame_size_px=(160, 120), rate_hz=10.0)
    assert run(placed, asked("M001", source), None) == 0
    tick_until(lambda: waits_no_more(placed))
    (copy,) = there(here / "disk").glob("rawdata/sub-M001/ses-*/behav")
    assert verify(copy, pixels=False).ok


def waits_no_more(folder: Path) -> bool:
    with open_study(folder, write=False) as study:
        return not kept_of(study).waiting


def test_what_waits_is_copied_when_the_place_is_back(
    placed: Path, here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    # `run` asks for a copy in the background. Here nobody does it: this process could not wait for
    # the place beside that one.
    asked_for: list[Path] = []
    monkeypatch.setattr("protocols.cli.daily.copy_in_background", asked_for.append)
    (here / "disk").rename(here / "away")
    source = write_rig(here, frame_size_px=(160, 120), rate_hz=10.0)
    assert run(placed, asked("M001", source), None) == 0
    assert asked_for == [placed]
    said = cli("study", "copy", "S1")
    assert said.code == 1
    assert "is not there" in said.out
    assert "1 of 2 sessions are safe in two places" in cli("study", "today", "S1").out
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            (here / "away").rename(here / "disk")

    assert wait_and_copy(placed, 1.0, lambda line: None, sleep)
    assert len(slept) == 2
    with open_study(placed) as study:
        assert set(kept_of(study).found.values()) == {Safety.TWO}


def test_one_process_waits_for_a_place_that_is_away(placed: Path, here: Path) -> None:
    """However often something is written meanwhile: there is none for each time."""
    (here / "disk").rename(here / "away")
    by_hand(placed, "review/K7BFG/corrections.csv")
    with alone_in(placed / "backup" / WAITS, ""):
        assert not wait_and_copy(placed, 1.0, lambda line: None, never)
    gone: list[bool] = []

    def leave(seconds: float) -> None:
        other = threading.Thread(target=lambda: gone.append(wait_and_copy(placed, 1.0, str, never)))
        other.start()
        other.join()
        (here / "away").rename(here / "disk")

    assert wait_and_copy(placed, 1.0, lambda line: None, leave)
    assert gone == [False]
    assert not (placed / "backup" / WAITS).exists()


def never(seconds: float) -> None:
    raise AssertionError("it waits beside another")


def test_who_is_asked_while_another_copies_looks_again(placed: Path) -> None:
    """That one may have looked before this was written."""
    by_hand(placed, "review/K7BFG/corrections.csv")
    slept: list[float] = []
    with ExitStack() as other:
        other.enter_context(alone_in(placed / "backup", ""))
        other.enter_context(alone_in(placed / "backup" / WAITS, ""))

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            other.close()

        assert wait_and_copy(placed, 1.0, lambda line: None, sleep)
    assert slept == [SOON_S]


def by_hand(study: Path, name: str, text: str = "made\n") -> Path:
    path = study / "derivatives" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_what_people_made_of_recordings_is_copied_and_comes_back(
    placed: Path, here: Path, cli: Cli
) -> None:
    names = (
        "spotchecks/20260131T140500.json", "review/codes.json", "review/K7BFG/corrections.csv",
        "review/K7BFG/zones-1.toml", "rescored/decisions.csv",
        "rescored/cohort 2/dim light/decisions.csv",
    )  # fmt: skip
    for name in names:
        by_hand(placed, name, name)
    by_hand(placed, "review/K7BFG/scored-1/frames.csv")  # is made again by the same command
    place = there(here / "disk")
    said = cli("study", "status", "S1")
    assert "1 of 1 sessions are safe in two places; the database too" in said.out
    assert f"waits for its second place: {BY_HAND}" in said.out
    assert cli("study", "copy", "S1").code == 0
    assert "waits" not in cli("study", "status", "S1").out
    made = sorted(path for path in (place / "derivatives").rglob("*") if path.is_file())
    assert made == sorted(place / "derivatives" / name for name in names)
    shutil.rmtree(placed)
    said = cli("study", "restore", "S1", *BY, "--from", place)
    assert (said.code, said.err) == (0, "")
    assert f"{BY_HAND} were brought back, files: 6" in said.out
    for name in names:
        assert (placed / "derivatives" / name).read_text(encoding="utf-8") == name


def test_corrections_that_went_on_are_copied_and_a_check_is_never_replaced(
    placed: Path, here: Path
) -> None:
    corrections = by_hand(placed, "review/K7BFG/corrections.csv", "first\n")
    checked = by_hand(placed, "spotchecks/20260131T140500.json")
    place, said = there(here / "disk"), list[str]()
    own = place / corrections.relative_to(placed)
    with open_study(placed) as study:
        assert copy_all(study).found[BY_HAND] is Safety.TWO
        for text in ("second\n", "third\n"):
            corrections.write_text(text)
            assert kept_of(study).found[BY_HAND] is Safety.WAITS
            assert copy_all(study).found[BY_HAND] is Safety.TWO
            assert own.read_text() == text
        (before,) = (place / "backup").glob("by-hand-*/derivatives/review/*/corrections.csv")
        assert before.read_text() == "first\n"
        checked.write_text("torn")
        assert copy_all(study, said.append).found[BY_HAND] is Safety.WAITS
    assert "nothing there was overwritten" in said[-1]
    assert (place / checked.relative_to(placed)).read_text() == "made\n"


def test_a_copy_that_does_not_read_back_is_none(placed: Path, here: Path) -> None:
    made = by_hand(placed, "review/K7BFG/corrections.csv")
    copy, said = there(here / "disk") / made.relative_to(placed), list[str]()
    digest = copying._digest

    def rotten(path: Path) -> str:
        return "0" * 64 if path.is_relative_to(here / "disk") else digest(path)

    with open_study(placed) as study:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(copying, "_digest", rotten)
            assert copy_all(study, said.append).found[BY_HAND] is Safety.WAITS
        assert "does not read back as it was written" in said[-1]
        assert not list(copy.parent.glob("*"))
        assert copy_all(study).found[BY_HAND] is Safety.TWO
    assert copy.read_text() == "made\n"


def test_an_amended_session_is_copied_again_and_a_changed_one_is_not(
    placed: Path, here: Path
) -> None:
    own, copy = session(placed), session(there(here / "disk"))
    name = own.relative_to(placed).as_posix()
    said: list[str] = []
    with open_study(placed) as study:
        (own / "amendments.jsonl").write_text("{}\n")
        assert kept_of(study).found[name] is Safety.WAITS
        assert copy_all(study, said.append).found[name] is Safety.TWO
        assert (copy / "amendments.jsonl").read_text() == "{}\n"
        (own / "amendments.jsonl").write_text("{}\n{}\n")
        (copy / "frames.csv").write_bytes(b"other")
        assert copy_all(study, said.append).found[name] is Safety.WAITS
        assert "is not what was recorded; nothing there was overwritten" in said[-1]
        shutil.rmtree(copy)
        (own / "frames.csv").write_bytes(b"other")
        assert copy_all(study, said.append).found[name] is Safety.WAITS
        assert "was changed after the session; it was not copied" in said[-1]
    assert not copy.exists()


def test_a_study_that_is_gone_comes_back_from_its_second_place(
    placed: Path, here: Path, cli: Cli
) -> None:
    name = session(placed).relative_to(placed)
    shutil.rmtree(placed)
    source = there(here / "disk")
    said = cli("study", "restore", "S1", *BY, "--from", source)
    assert said.code == 0, said.err
    assert "was brought back" in said.out
    assert verify(placed / name).ok
    said = cli("study", "check", "S1")
    assert (said.code, said.err) == (0, "")
    said = cli("study", "restore", "S1", *BY, "--from", here / "disk")
    assert said.code == 2
    assert "is no copy of a study in a second place" in said.err


def test_a_session_that_was_lost_comes_back_and_others_stay(
    placed: Path, here: Path, cli: Cli
) -> None:
    own = session(placed)
    shutil.rmtree(own.parent)
    assert cli("study", "check", "S1").code == 1
    source = there(here / "disk")
    assert cli("study", "restore", "S1", *BY, "--from", source).code == 0
    assert verify(own).ok
    assert cli("study", "check", "S1").code == 0
    (session(source) / "frames.csv").write_bytes(b"rotten")
    shutil.rmtree(own.parent)
    said = cli("study", "restore", "S1", *BY, "--from", source)
    assert said.code == 1
    assert not own.exists()


def test_places_that_are_none_are_refused(filed: Path, here: Path, cli: Cli) -> None:
    for place in ("nowhere", "S1", "S1/backup"):
        said = cli("study", "second", "S1", "--at", place, *BY)
        assert said.code == 2, place
        assert "--at" in said.err
    assert cli("study", "second", "S1", *BY).code == 2
    assert cli("study", "copy", "S1").code == 2
    assert "no second place is set" in cli("study", "status", "S1").out
    assert cli("study", "second", "S1", "--off", *BY).code == 0


@pytest.mark.long
def test_a_database_on_a_server_is_copied_as_a_file(here: Path) -> None:
    pytest.importorskip("psycopg")
    with ExitStack() as stack:
        try:
            url = stack.enter_context(postgres(fsync=False))
        except NoServerError as why:
            pytest.skip(str(why))
        made_study(here / "S2", 1, f'database = "{url}"\n{RULES}')
        (here / "disk").mkdir()
        with open_study(here / "S2") as study:
            set_place(study, here / "disk", OWNER)
            assert set(copy_all(study).found.values()) == {Safety.TWO}
    (made,) = (there(here / "disk") / "backup").glob("study-*.sqlite")
    with open_store(f"sqlite:///{made}", write=False) as store, store.read() as connection:
        assert trail(connection) == []
