"""Tracks of other programs, in the layout their programs write, scored in place of our own."""

import csv
import json
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from rig.errors import ConfigError
from rig.session import Rescored, rescore
from rig.session.row import Amend
from rig.session.sheet import Cells
from rig.session.tracks import Choice, read_track
from rig.session.tracks.hdf5 import plain_pickle
from tests.small import ARENA, FRAMES, RATE_HZ, write_clip
from tests.workbook import write_workbook

X = np.linspace(20.0, 140.0, FRAMES)
UNSURE = (7, 8)
POINTS = ("snout", "body_center", "tail_base")
OFFSET = {"snout": 6.0, "body_center": 0.0, "tail_base": -6.0}


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    (tmp_path / "arena.toml").write_text(ARENA)
    return write_clip(tmp_path)


def values() -> np.ndarray[Any, Any]:
    """x, y, likelihood of each point, a row a frame; two frames are unsure."""
    table = np.zeros((FRAMES, 9))
    for k, name in enumerate(POINTS):
        table[:, 3 * k] = X + OFFSET[name]
        table[:, 3 * k + 1] = 50.0
        table[:, 3 * k + 2] = 0.99
    table[UNSURE, 5] = 0.1
    return table


def dlc_csv(path: Path, individuals: tuple[str, ...] = ()) -> None:
    heads: list[list[str]] = [["scorer"], ["individuals"], ["bodyparts"], ["coords"]]
    for one in individuals or ("",):
        for name in POINTS:
            for coordinate in ("x", "y", "likelihood"):
                cells = zip(heads, ("DLC_x", one, name, coordinate), strict=True)
                for head, cell in cells:
                    head.append(cell)
    if not individuals:
        del heads[1]
    rows = [[k, *list(row) * max(1, len(individuals))] for k, row in enumerate(values().tolist())]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([*heads, *rows])


def dlc_h5(path: Path) -> None:
    """As pandas writes a frame with to_hdf(key="df_with_missing", format="table")."""
    columns = [("DLC_x", name, c) for name in POINTS for c in ("x", "y", "likelihood")]
    rows = np.zeros(FRAMES, dtype=[("index", "<i8"), ("values_block_0", "<f8", (9,))])
    rows["index"], rows["values_block_0"] = np.arange(FRAMES), values()
    with h5py.File(path, "w") as file:
        table = file.create_group("df_with_missing").create_dataset("table", data=rows)
        table.attrs["values_block_0_kind"] = np.bytes_(pickle.dumps(columns, 0))


def sleap_csv(path: Path) -> None:
    head = ["track", "frame_idx", "instance.score"]
    head += [f"{name}.{c}" for name in POINTS for c in ("x", "y", "score")]
    rows = [["", k, 0.9, *row] for k, row in enumerate(values().tolist())]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])


def sleap_h5(path: Path, dims: bool = False) -> None:
    shaped = values().reshape(FRAMES, 3, 3)
    points, scores = shaped[:, :, :2], shaped[:, :, 2]
    with h5py.File(path, "w") as file:
        file["node_names"] = [name.encode() for name in POINTS]
        file["track_names"] = [b"mouse"]
        if dims:
            file["tracks"], file["point_scores"] = points[:, None], scores[:, None]
            file["tracks"].attrs["dims"] = json.dumps(["frame", "track", "node", "xy"])
            file["point_scores"].attrs["dims"] = json.dumps(["frame", "track", "node"])
        else:
            file["tracks"] = points.transpose(2, 1, 0)[None]
            file["point_scores"] = scores.T[None]


def ethovision(path: Path) -> None:
    """cm from the picture's middle (80, 60 px at 4 px/cm), y upwards, UTF-16, semicolons."""
    names = ["Trial time", "Recording time", "X center", "Y center", "X nose", "Y nose"]
    units = ["s", "s", "cm", "cm", "cm", "cm"]
    lines = ['"Number of header lines:";"6"', '"Experiment";"CPP"', '"Subject";"M1"', '""']
    lines += [";".join(f'"{name}"' for name in names), ";".join(f'"{unit}"' for unit in units)]
    for k, x in enumerate(X):
        cells = ["-"] * 4 if k in UNSURE else [
            f"{(x - 80) / 4:.4f}", f"{(60 - 50) / 4:.4f}", f"{(x + 6 - 80) / 4:.4f}", "2.5"
        ]  # fmt: skip
        lines.append(";".join([f"{k / RATE_HZ:.3f}"] * 2 + cells))
    path.write_text("\n".join(lines) + "\n", encoding="utf-16")


def ethovision_named_otherwise(path: Path) -> None:
    """The same where the program speaks Chinese: only its columns keep their names."""
    ethovision(path)
    text = path.read_text(encoding="utf-16")
    text = text.replace("Number of header lines:", "\u6807\u9898\u884c\u6570\uff1a")
    path.write_text(text, encoding="utf-16")


def ethovision_workbook(path: Path) -> None:
    """The same as an Excel workbook: the samples are numbers."""
    ethovision(path)
    rows = [line.split(";") for line in path.read_text(encoding="utf-16").split("\n") if line]
    told = [[cell.strip('"') for cell in row] for row in rows]
    head, body = told[:6], told[6:]
    numbers = [[cell if cell == "-" else float(cell) for cell in row] for row in body]
    write_workbook(path, {"Track-Arena 1-Subject 1": [*head, *numbers]})


def dlc_csv_again(path: Path) -> None:
    """As a spreadsheet with a decimal comma saves it again."""
    dlc_csv(path)
    text = path.read_text().replace(",", ";").replace(".", ",")
    path.write_text(text, encoding="utf-8-sig")


def anymaze_older(path: Path) -> None:
    """Older versions write posn, and a blank where the animal was not seen."""
    anymaze(path)
    text = path.read_text().replace(" position ", " posn ")
    text = text.replace("#N/A,#N/A,#N/A,#N/A", " , , , ")
    path.write_text(text)


def anymaze(path: Path) -> None:
    lines = ["Time,Centre position X,Centre position Y,Head position X,Head position Y,In left"]
    for k, x in enumerate(X):
        at = "#N/A,#N/A,#N/A,#N/A" if k in UNSURE else f"{x},50,{x + 6},50"
        lines.append(f"0:00:{k / RATE_HZ:06.3f},{at},1")
        if k == 20:
            lines.append(f"0:00:{k / RATE_HZ + 0.01:06.3f},,,,,0")
    path.write_text("\n".join(lines) + "\n")


def scored(clip: Path, path: Path, out: str = "out", **choice: Any) -> Rescored:
    amend = Amend(tracks=path, choice=Choice(**choice))
    folder = clip.parent
    return rescore(clip, out=folder / out, apparatus=folder / "arena.toml", amend=amend)


FORMATS = {
    "dlc.csv": (dlc_csv, {}, "DeepLabCut"),
    "dlc.h5": (dlc_h5, {}, "DeepLabCut"),
    "sleap.csv": (sleap_csv, {}, "SLEAP"),
    "sleap.h5": (sleap_h5, {}, "SLEAP"),
    "sleap-new.h5": (lambda path: sleap_h5(path, dims=True), {}, "SLEAP"),
    "etho.txt": (ethovision, {"origin_px": (80.0, 60.0)}, "EthoVision"),
    "any.csv": (anymaze, {}, "ANY-maze"),
    "dlc-again.csv": (dlc_csv_again, {}, "DeepLabCut"),
    "etho-other.txt": (ethovision_named_otherwise, {"origin_px": (80.0, 60.0)}, "EthoVision"),
    "etho.xlsx": (ethovision_workbook, {"origin_px": (80.0, 60.0)}, "EthoVision"),
    "any-older.csv": (anymaze_older, {}, "ANY-maze"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_track_is_scored_by_the_same_engine(clip: Path, name: str) -> None:
    write, choice, program = FORMATS[name]
    path = clip.parent / name
    write(path)
    result = scored(clip, path, **choice)
    with (result.folder / "frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == FRAMES
    for k, row in enumerate(rows):
        if k in UNSURE:
            assert (row["x_px"], row["flag"]) == ("", "none")
            continue
        assert float(row["x_px"]) == pytest.approx(X[k], abs=0.011)
        assert float(row["y_px"]) == pytest.approx(50, abs=0.011)
        assert float(row["nose_x_px"]) == pytest.approx(X[k] + 6, abs=0.011)
        if program in ("DeepLabCut", "SLEAP"):
            assert (row["heading_deg"], row["confidence"]) == ("0.0", "0.990")
    assert result.summary["entries_right"] == 1
    assert result.summary["frames_untracked"] == len(UNSURE)
    # by the rule: 1 cm (4 px) in, then the dwell of 0.2 s
    first = int(np.argmax(X >= 84))
    assert [row["zone"] for row in rows].index("right") == first + round(0.2 * RATE_HZ)
    used = json.loads((result.folder / "rescore.json").read_text())["tracks"]
    assert (used["program"], used["parts"]["centroid"] != "") == (program, True)


def test_parts_likelihood_and_individual_are_chosen(clip: Path) -> None:
    path = clip.parent / "dlc.csv"
    dlc_csv(path)
    result = scored(clip, path, parts={"centroid": "tail_base"}, min_likelihood=0.05)
    with (result.folder / "frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(rows[k]["x_px"]) for k in (0, 7)] == pytest.approx([14, X[7] - 6], abs=0.011)
    dlc_csv(path, ("m1", "m2"))
    with pytest.raises(ConfigError, match=r"several animals \(m1, m2\); say which"):
        scored(clip, path, "two")
    assert scored(clip, path, "two", individual="m2").summary["entries_right"] == 1
    with pytest.raises(ConfigError, match=r"'m3': .* has m1, m2"):
        scored(clip, path, "three", individual="m3")


def test_nothing_in_a_file_is_executed() -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (exec, ("raise SystemExit",))

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        names = [("scorer", "nose", "x"), ("scorer", "nose", "y")]
        assert plain_pickle(pickle.dumps(names, protocol)) == names
        with pytest.raises(ValueError, match="no plain text"):
            plain_pickle(pickle.dumps([Trap()], protocol))
    for torn in (b"", b".", b"(lp0\n", b"g7\n.", b"a."):
        with pytest.raises(ValueError, match=r".+"):
            plain_pickle(torn)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "not a track of DeepLabCut, SLEAP"),
        ("", "is empty"),
        ("scorer,a\nbodyparts,n\n0,1\n", "no DeepLabCut table"),
        ("scorer,a,a\nbodyparts,n\ncoords,x,y\n", "no DeepLabCut table"),
        ("scorer,a\n\n", "no DeepLabCut table"),
        ("scorer,a,a\nbodyparts,n,n\ncoords,x,y\n0,1,b\n", "line 4: column a/n/y: 'b': not a"),
        ("track,frame_idx,n.x,n.y\n,0,1,1\n,0,1,1\n", "line 3: frame_idx 0: a second animal"),
        ('"Number of header lines:";"90"\n', "line 1: "),
        ("Time,Centre position X,Centre position Y\nx,1,1\n", "line 2: column Time: 'x': no time"),
        ("Time,Centre position X,Centre position Y\n2,1,1\n1,1,1\n", "line 3: time 1 s: before"),
        ("frame,x_px,y_px\n3,1,1\n2,1,1\n", "its frames do not rise"),
        ("frame,x_px,y_px\n", "holds no rows"),
        ("\x89HDF\r\n\x1a\n", "cannot be read"),
    ],
)  # fmt: skip
def test_bad_tracks_are_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError) as told:
        read_track(path)
    assert said in str(told.value)
    assert "bad.csv" in str(told.value)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"parts": {"head": "snout"}}, "--part: 'head': one of centroid, nose, tail"),
        ({"parts": {"nose": "ear"}}, "--part: nose=ear: "),
    ],
)
def test_a_choice_that_does_not_fit_leaves_nothing(
    clip: Path, choice: dict[str, Any], said: str
) -> None:
    path = clip.parent / "dlc.csv"
    dlc_csv(path)
    with pytest.raises(ConfigError) as told:
        scored(clip, path, **choice)
    assert said in str(told.value)
    assert not (clip.parent / "out").exists()


def test_an_origin_and_a_centre_are_asked_for(clip: Path) -> None:
    ethovision(clip.parent / "etho.txt")
    with pytest.raises(ConfigError, match="--tracks-origin: EthoVision does not say"):
        scored(clip, clip.parent / "etho.txt")
    path = clip.parent / "s.csv"
    path.write_text("track,frame_idx,ear.x,ear.y\n,0,1,1\n")
    with pytest.raises(ConfigError, match="say --part centroid=NAME"):
        scored(clip, path)


def test_columns_that_nobody_asks_for_are_not_kept(tmp_path: Path) -> None:
    """Eight hours of a tracker with many points: only the three that are used are in memory."""
    path = tmp_path / "dlc.csv"
    points = ["nose", *(f"spot{k}" for k in range(20)), "body", "tailbase"]
    heads = (("scorer", ["net"] * 69), ("bodyparts", [p for p in points for _ in "xyl"]))
    lines = [",".join((name, *cells)) for name, cells in heads]
    lines.append("coords" + ",x,y,likelihood" * 23)
    lines += [f"{k}" + f",{k}.25,7.5,0.9" * 23 for k in range(3000)]
    path.write_text("\n".join(lines) + "\n")
    tracemalloc.start()
    try:
        track = read_track(path, None, {"tail": "spot3"})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert set(track.parts) == {"nose", "spot3", "body"}
    assert track.parts["body"].x.tolist() == [k + 0.25 for k in range(3000)]
    assert peak < 5_000_000  # 207,000 small texts would be twice that and more


def test_texts_of_a_column_come_back_as_they_were() -> None:
    texts = ["", "ä", "1.5", "a,b", "", "\udcff"]
    cells = Cells(texts)
    assert (list(cells), len(cells), cells[-2:], cells[1]) == (texts, 6, ["", "\udcff"], "ä")
    with pytest.raises(IndexError):
        cells[6]
