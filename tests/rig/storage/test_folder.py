import hashlib
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from rig.errors import ConfigError, StorageError
from rig.storage import check_subject, session_folder, write_sums
from rig.storage.folder import discard, replace, sums, videos

DAY = date(2026, 1, 5)
ROOT = Path(__file__).parents[3]

# Many sessions of one animal, numbers taken at once; waits for a line so that all begin together.
TAKE_NUMBERS = """
import sys
from datetime import date
from pathlib import Path
from rig.storage import session_folder
sys.stdin.readline()
for _ in range(10):
    session_folder(Path(sys.argv[1]), "M01", sys.argv[2], when=date(2026, 1, 5)).mkdir()
"""


@pytest.mark.parametrize("subject", ["M01", "007", "a", "x" * 40, "Console"])
def test_ids_of_letters_and_digits_are_good(subject: str) -> None:
    assert check_subject(subject) == subject


@pytest.mark.parametrize(
    "subject",
    [
        "", "..", ".", "a/b", "a\\b", "M 01", " M01", "M01\n", "M-01", "M_01", "M.01", "Größe",
        "CON", "nul", "Com1", "x" * 41, "-", "\0", "٣",
    ],
)  # fmt: skip
def test_other_ids_are_refused_by_name(subject: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        session_folder(tmp_path / "study", subject, "pretest", when=DAY)
    assert str(caught.value).startswith(f"--subject: {subject!r}: ")
    assert list(tmp_path.iterdir()) == []


def test_phases_have_no_hyphen(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--phase: 'post-test'"):
        session_folder(tmp_path, "M01", "post-test", when=DAY)


def test_names_are_neuroblueprint(tmp_path: Path) -> None:
    first = session_folder(tmp_path / "study", "M01", "pretest", when=DAY)
    second = session_folder(tmp_path / "study", "M01", "posttest", attempt=2, when=DAY)
    other = session_folder(tmp_path / "study", "M02", "pretest", when=DAY)
    names = [p.relative_to(tmp_path / "study").as_posix() for p in (first, second, other)]
    assert names == [
        "rawdata/sub-M01/ses-01_date-20260105_phase-pretest/behav",
        "rawdata/sub-M01/ses-02_date-20260105_phase-posttest_attempt-2/behav",
        "rawdata/sub-M02/ses-01_date-20260105_phase-pretest/behav",
    ]
    assert first.parent.is_dir()
    assert not first.exists()


def test_number_follows_the_highest_not_the_gap(tmp_path: Path) -> None:
    animal = tmp_path / "rawdata" / "sub-M01"
    for name in ("ses-01_phase-a", "ses-099", "notes", "ses-x"):
        (animal / name).mkdir(parents=True)
    folder = session_folder(tmp_path, "M01", "pretest", when=DAY)
    assert folder.parent.name.startswith("ses-100_")


def test_processes_that_race_never_share_a_number(tmp_path: Path) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKE_NUMBERS, str(tmp_path), phase],
            stdin=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        for phase in ("pretest", "posttest", "extinction1")
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.close()
    assert [racer.wait(60) for racer in racers] == [0, 0, 0]
    names = [path.name for path in (tmp_path / "rawdata" / "sub-M01").iterdir()]
    assert sorted(int(name[4:].partition("_")[0]) for name in names) == list(range(1, 31))
    assert all("phase-" in name for name in names)


def test_one_animal_is_written_one_way(tmp_path: Path) -> None:
    session_folder(tmp_path, "m01", "pretest", when=DAY)
    with pytest.raises(ConfigError, match="'M01': this study has 'm01'"):
        session_folder(tmp_path, "M01", "pretest", when=DAY)


@pytest.mark.parametrize("inside", ["", "behav"], ids=["behav", "ses"])
def test_a_session_is_no_study(tmp_path: Path, inside: str) -> None:
    (tmp_path / inside).mkdir(exist_ok=True)
    (tmp_path / inside / "setup.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"--out: .* holds a session itself"):
        session_folder(tmp_path, "M01", "pretest", when=DAY)


def test_a_file_is_no_study(tmp_path: Path) -> None:
    (tmp_path / "study").write_text("")
    with pytest.raises(ConfigError, match=r"--out: .* not a folder"):
        session_folder(tmp_path / "study", "M01", "pretest", when=DAY)


def test_an_unused_folder_leaves_nothing(tmp_path: Path) -> None:
    folder = session_folder(tmp_path, "M01", "pretest", when=DAY)
    discard(folder)
    assert list(tmp_path.iterdir()) == []
    kept = session_folder(tmp_path, "M01", "pretest", when=DAY)
    discard(session_folder(tmp_path, "M01", "pretest", when=DAY))
    assert list(kept.parent.parent.iterdir()) == [kept.parent]


def test_videos_come_in_order(tmp_path: Path) -> None:
    for number in ("", "-10", "-2"):
        (tmp_path / f"video{number}.mkv").write_bytes(b"")
    assert [p.name for p in videos(tmp_path)] == ["video.mkv", "video-2.mkv", "video-10.mkv"]


def test_sums_are_what_the_command_writes(tmp_path: Path) -> None:
    (tmp_path / "torn").mkdir()
    files = {"setup.json": b"{}", "torn/frames.csv": b"1,2"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    for name in ("summary.csv", "visits.csv", "amendments.jsonl"):
        (tmp_path / name).write_bytes(b"later")
    write_sums(tmp_path)
    write_sums(tmp_path)
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()]
    assert (tmp_path / "SHA256SUMS").read_text() == "".join(lines)
    assert list(sums(tmp_path)) == list(files)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "summary.csv"
    replace(path, b"one")
    replace(path, b"two")
    assert path.read_bytes() == b"two"
    (tmp_path / "taken").mkdir()
    with pytest.raises(StorageError, match="taken cannot be written"):
        replace(tmp_path / "taken", b"three")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["summary.csv", "taken"]
