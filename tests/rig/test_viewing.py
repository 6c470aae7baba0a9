"""Pictures of a recording by their frame's number, in any order."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from rig.errors import ConfigError
from rig.model import NS_PER_S, Gray
from rig.session import rescore
from rig.session.viewing import BACK, Reel, Strip, Whence, changed, missing, open_reel, whence
from rig.video import VideoFile, VideoWriter
from tests.small import ARENA, RATE_HZ, SIZE_PX, write_clip

FRAMES = 90


def numbered(path: Path, first: int, count: int, codec: str = "lossless") -> Path:
    """Pictures that tell their number: a bar as wide as it."""
    with path.open("wb") as file, VideoWriter(file, SIZE_PX, RATE_HZ, codec) as video:
        for k in range(first, first + count):
            video.write(picture(k), round((k - first) * NS_PER_S / RATE_HZ))
    return path


def picture(k: int) -> Gray:
    made = np.full(SIZE_PX[::-1], 200, np.uint8)
    made[20:60, : k + 1] = 30
    return made


def told(image: Gray | None) -> int:
    """The number that a picture tells."""
    assert image is not None
    return int((image[40] < 100).sum()) - 1


@pytest.fixture
def reel(tmp_path: Path) -> Reel:
    path = numbered(tmp_path / "video.mkv", 0, FRAMES, "h264")
    return Reel([Strip(VideoFile.open(path), np.arange(100, 100 + FRAMES))])


def test_any_picture_in_any_order(reel: Reel) -> None:
    order = [0, 1, 2, 50, 49, 48, 20, 89, 88, 0, 30, 30, 31]
    assert [told(reel.picture(100 + k)) for k in order] == order


def test_there_and_back_again(reel: Reel) -> None:
    there = [told(reel.picture(100 + k)) for k in range(FRAMES)]
    back = [told(reel.picture(100 + k)) for k in reversed(range(FRAMES))]
    assert there == list(range(FRAMES))
    assert back == there[::-1]


def test_stepping_back_decodes_a_stretch_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = numbered(tmp_path / "video.mkv", 0, FRAMES)
    video = VideoFile.open(path)
    reads: list[float] = []
    whole = VideoFile.read

    def read(self: VideoFile, *, start_s: float = 0.0, **more: object) -> object:
        reads.append(start_s)
        return whole(self, start_s=start_s)

    monkeypatch.setattr(VideoFile, "read", read)
    reel = Reel([Strip(video, np.arange(FRAMES))])
    assert told(reel.picture(80)) == 80
    for k in range(79, 80 - BACK, -1):
        assert told(reel.picture(k)) == k
    assert len(reads) == 2


def test_a_frame_that_no_picture_has(reel: Reel) -> None:
    assert reel.picture(99) is None
    assert reel.picture(100 + FRAMES) is None
    assert told(reel.picture(100)) == 0


def test_parts_of_a_resumed_session(tmp_path: Path) -> None:
    """A crash took three pictures: the part after it begins with the first row after it."""
    files = (numbered(tmp_path / "video.mkv", 0, 27), numbered(tmp_path / "video-2.mkv", 30, 20))
    frames = np.arange(50)
    record = Whence(None, files)  # held to be a session's: the cuts are what is looked at
    cuts = np.split(frames, [30])
    strips = [Strip(VideoFile.open(p), piece) for p, piece in zip(files, cuts, strict=True)]
    reel = Reel(strips)
    assert record.files == files
    assert [told(reel.picture(k)) for k in (26, 30, 49)] == [26, 30, 49]
    assert [reel.picture(k) for k in (27, 28, 29)] == [None, None, None]


def test_a_crop_and_an_outline(tmp_path: Path) -> None:
    (tmp_path / "arena.toml").write_text(ARENA, encoding="utf-8")
    clip = write_clip(tmp_path, 60)
    made = rescore(clip, apparatus=tmp_path / "arena.toml", out=tmp_path / "scored", workers=1)
    found = whence(made.folder)
    assert found.files == (clip,)
    reel = open_reel(found, np.arange(60))
    look = reel.look(10, (28.0, 57.0))
    assert look.image is not None
    xs = [x for x, _ in look.outline]
    assert min(xs) <= 30
    assert max(xs) >= 40
    assert reel.look(10).outline == ()


def test_a_recording_that_is_gone_or_another(tmp_path: Path) -> None:
    (tmp_path / "arena.toml").write_text(ARENA, encoding="utf-8")
    clip = write_clip(tmp_path, 60)
    made = rescore(clip, apparatus=tmp_path / "arena.toml", out=tmp_path / "scored", workers=1)
    found = whence(made.folder)
    assert missing(found) == ""
    assert changed(made.folder, found) == ""
    shutil.copy(clip, tmp_path / "kept.mkv")
    with clip.open("ab") as file:
        file.write(b"more")
    assert changed(made.folder, found) == f"{clip.name} is another"
    clip.unlink()
    assert missing(found) == clip.name
    assert changed(made.folder, found) == f"{clip.name} is gone"
    with pytest.raises(ConfigError, match="not there any more"):
        open_reel(found, np.arange(60))
