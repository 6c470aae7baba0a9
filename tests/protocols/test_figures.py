"""Figures hold the numbers that they are given; files are whole and the same at every run."""

import csv
import math
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
import pytest

from protocols import figures
from protocols.control import control_chart
from protocols.figures import style
from protocols.figures.charts import side_share
from protocols.scores import Animal, Times, score_animals
from tests.protocols.conftest import Cli
from tests.protocols.sessions import session

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def animals(n: int = 6, *, later: bool = False) -> list[Animal]:
    made = []
    for k in range(n):
        tests = {
            "pretest": Times(500 + 10 * k, 500, 200, 1200),
            "posttest": Times(600 + 20 * k, 400, 200, 1200),
        }
        if later:
            tests["extinction1"] = Times(510 + 10 * k, 450, 200, 1200)
        group = "drug" if k % 2 else "saline"
        made.append(Animal(f"M{k:02d}", group, tests, {"sex": "fm"[k % 2]}))
    return made


def lines_of(axes: "Axes", points: int) -> list[list[float]]:
    """The heights of all lines of so many points."""
    drawn = [np.asarray(line.get_ydata(), float).tolist() for line in axes.lines]
    return [y for y in drawn if len(y) == points]


def test_before_and_after_of_each_animal_in_its_group() -> None:
    made = animals()
    figure = figures.before_after(made, score_animals(made))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["saline (n = 3)", "drug (n = 3)"]
    saline = lines_of(figure.axes[0], 2)
    assert [500, 600] in saline
    assert [520, 640] in saline
    assert [510, 620] not in saline
    assert [520, 520] in saline  # the mean of 500, 520, 540
    low, high = figure.axes[0].get_ylim()
    assert low == 0
    assert high > 700


@pytest.mark.parametrize("name", [r"$\frac$", "a_{"])
def test_a_group_is_called_what_it_is_called(name: str) -> None:
    """Between two $ there was mathematics to be set, and a traceback where it was none."""
    from matplotlib.text import Text

    made = [replace(one, group=name) for one in animals(4)]
    figure = figures.before_after(made, score_animals(made))
    drawn = BytesIO()
    with style.styled():
        figure.savefig(drawn, format="svg")
    assert any(text.get_text().startswith(name) for text in figure.findobj(Text))


def test_scores_are_the_scores() -> None:
    made = animals(10)
    figure = figures.scores_by_group(made, score_animals(made))
    (axes,) = figure.axes
    dots = sorted(y for (y,) in lines_of(axes, 1))
    assert dots == [100 + 10 * k for k in range(10)]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "saline\n(n = 5)", "drug\n(n = 5)",
    ]  # fmt: skip
    assert [0, 0] in lines_of(axes, 2)


def test_a_flagged_animal_looks_other_and_a_blank_one_is_left_out() -> None:
    made = animals(4)
    made[0] = replace(made[0], tests={**made[0].tests, "posttest": Times(300, 100, 50, 1200)})
    made[1] = replace(made[1], tests={**made[1].tests, "posttest": Times(math.nan, 100)})
    scored = score_animals(made)
    figure = figures.scores_by_group(made, scored)
    faces = {
        float(y[0]): line.get_markerfacecolor()
        for line in figure.axes[0].lines
        if len(y := np.asarray(line.get_ydata(), float)) == 1
    }
    assert faces[-200.0] == "white"
    assert faces[120.0] != "white"
    assert len(faces) == 3
    figures.before_after(made, scored)


def test_the_extinction_curve_has_what_counts_as_extinguished() -> None:
    made = animals(later=True)
    names = figures.table_figures(made, score_animals(made), "preference_index")
    assert list(names) == ["before-after", "scores-preference-index", "extinction"]
    (axes,) = names["extinction"]().axes
    heights = {y for a, y in lines_of(axes, 2) if a == y}
    assert {round(0.15 * 120, 6), round(0.15 * 130, 6)} <= {round(y, 6) for y in heights}
    assert "extinction" not in figures.table_figures(animals(), score_animals(animals()), "x")


def test_dots_never_hide_each_other() -> None:
    values = [5.0, 5.0, 5.1, 5.0, 9.0]
    aside = style.beeswarm(values, 0.2, 0.5)
    placed = list(zip(aside, values, strict=True))
    assert len(set(placed)) == 5
    assert aside[4] == 0
    assert max(map(abs, aside)) <= 0.2


def test_heat_maps_share_one_scale_and_hold_all_seen_time() -> None:
    two = [
        session([("left", 30), ("right", 10)]),
        session([("left", 5), ("", 5), ("right", 30)], subject="M02"),
    ]
    (figure,) = figures.heat_maps(two)
    images = [axes.images[0] for axes in figure.axes if axes.images]
    assert len({image.norm.vmax for image in images}) == 1
    seconds = []
    for image in images:
        left, right, bottom, top = image.get_extent()
        values = np.asarray(image.get_array())
        seconds.append(
            float(values.sum())
            * (right - left)
            / values.shape[1]
            * (bottom - top)
            / values.shape[0]
        )
    assert seconds == pytest.approx([40, 35])
    assert [axes.get_ylabel() for axes in figure.axes[:2]] == ["M01", "M02"]


def test_many_animals_go_on_further_pages_with_the_same_scale() -> None:
    many = [session([("left", 3 + k)], subject=f"M{k:02d}") for k in range(10)]
    pages = figures.heat_maps(many)
    shown = [axes.get_ylabel() for page in pages for axes in page.axes if axes.images]
    assert len(pages) > 1
    assert shown == [f"M{k:02d}" for k in range(10)]
    scales = {axes.images[0].norm.vmax for page in pages for axes in page.axes if axes.images}
    assert len(scales) == 1
    assert all(page.get_figheight() * 25.4 <= style.TALLEST_MM + 0.1 for page in pages)


def test_cumulative_preference_ends_at_paired_less_unpaired() -> None:
    figure = figures.cumulative([session([("left", 30), ("right", 10), ("", 5), ("left", 15)])])
    (line,) = lines_of(figure.axes[0], 61)
    assert line[0] == 0
    assert line[30] == 30
    assert line[40] == 20
    assert line[45] == 20
    assert line[-1] == pytest.approx(35)


def test_bins_are_shares_of_both_chambers() -> None:
    one = session([("left", 6), ("right", 4), ("", 5), ("right", 5), ("", 10)])
    (axes,) = figures.bins([one], bin_s=10).axes
    (line,) = lines_of(axes, 3)
    assert line[:2] == [60, 0]
    assert math.isnan(line[2])


def test_a_raster_has_a_row_a_session_and_its_stays() -> None:
    (figure,) = figures.raster([session([("left", 30), ("right", 10)]),
                                session([("right", 12)], phase="posttest")])  # fmt: skip
    (axes,) = figure.axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ["M01  pre-test", "M01  post-test"]
    spans = [
        (round(path.vertices[:, 0].min() * 60, 6), round(path.vertices[:, 0].max() * 60, 6))
        for bars in axes.collections
        for path in bars.get_paths()
    ]
    assert sorted(spans) == [(0, 12), (0, 30), (30, 40)]


def test_control_limits_of_the_handbook() -> None:
    # NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2 (itl.nist.gov/div898/handbook/pmc/
    # section3/pmc322.htm): flowrates of ten batches, mean 50.81, mean moving range 1.8778. Data and
    # limits as several public projects quote that page; the page itself could not be read.
    told = control_chart([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])
    assert told.middle == pytest.approx(50.81)
    assert (told.low, told.high) == pytest.approx((45.8159, 55.8041), abs=5e-5 + 1e-9)
    assert told.beyond == ()
    assert told.shifted == ()


def test_control_limits_of_a_manual_that_was_read() -> None:
    # SAS/QC User's Guide, IRCHART Statement, "Saving Control Limits", data set Jets: diameters of
    # 20 engines, in full there with mean 80.39, mean moving range 5.32632, limits 66.2290 and
    # 94.5510. It takes 2 / sqrt(pi) where the handbook has 1.128: 0.005 apart here.
    told = control_chart([78.4, 80.1, 84.4, 79.1, 80.4, 83.5, 73.8, 83.5, 75.0, 76.8,
                          70.5, 80.3, 82.4, 79.4, 86.4, 90.5, 77.7, 82.5, 79.9, 83.2])  # fmt: skip
    assert told.middle == pytest.approx(80.39)
    away = (told.high - told.middle) * 1.128 / (2 / math.sqrt(math.pi))
    assert (80.39 - away, 80.39 + away) == pytest.approx((66.2290, 94.5510), abs=5e-5)
    assert (told.low, told.high) == pytest.approx((66.2290, 94.5510), abs=0.005)
    assert (told.beyond, told.shifted) == ((), ())


def test_control_charts_tell_what_is_beyond_and_what_has_shifted() -> None:
    steady = [50.0, 50.5, 49.5, 50.2, 49.8, 50.1, 49.9, 70.0]
    assert control_chart(steady).beyond == (7,)
    drifted = [1.0, 1.1] * 4 + [2.0, 2.1] * 4
    assert control_chart(drifted).shifted == tuple(range(16))
    few = control_chart([1.0, 9.0])
    assert math.isnan(few.low)
    assert few.beyond == ()
    assert control_chart([0.0, 0.1, 0.0, 0.1, 0.0], least=0).low == 0
    assert control_chart([90.0, 99.0, 90.0, 99.0, 90.0], most=100).high == 100
    assert math.isnan(control_chart([]).middle)


def test_the_box_is_watched_in_pre_tests_alone() -> None:
    many = [
        session([("left", 10 + k), ("right", 10)], began=f"2026-01-{k + 1:02d}") for k in range(6)
    ]
    many.append(session([("left", 40)], phase="posttest", began="2026-02-01"))
    assert side_share(many[5]) == pytest.approx(60)
    figure = figures.control_charts(many)
    assert [round(v, 6) for v in lines_of(figure.axes[0], 6)[0]][:2] == [50, round(1100 / 21, 6)]
    lost = figure.axes[2]
    assert lines_of(lost, 7)


def test_boxes_that_stay_at_one_value_each_share_a_scale_that_holds_both() -> None:
    many = [
        session([("left", 10 if box == "A" else 30), ("right", 10)], box=box, subject=f"M{k}")
        for box in "AB"
        for k in range(2)
    ]
    figure = figures.control_charts(many)
    low, high = figure.axes[0].get_ylim()
    assert low < 50 < 75 < high
    figure.savefig(BytesIO(), format="svg")  # nothing lies so far outside that no room is left


def test_quality_marks_what_is_over_its_limit() -> None:
    good = session([("left", 30)], summary={"latency_p50_ms": "1.5", "latency_max_ms": "9"})
    bad = session([("left", 20), ("", 10), ("right", 5)], began="2026-01-06", phase="posttest")
    figure = figures.quality([bad, good])
    lost, _, latency = figure.axes
    marks = {line.get_marker(): np.asarray(line.get_ydata(), float) for line in lost.lines[:2]}
    assert marks["o"].tolist() == [0]
    assert marks["X"] == pytest.approx([100 * 10 / 35])
    assert latency.get_yscale() == "log"
    assert [t.get_text() for t in latency.get_xticklabels()] == ["M01 pre-test", "M01 post-test"]
    assert len(figures.quality([bad]).axes) == 2  # nothing was timed


def test_files_are_whole_and_the_same_at_every_run(tmp_path: Path) -> None:
    made = animals(4)

    def draw() -> "Figure":
        return figures.before_after(made, score_animals(made))

    first = figures.write(draw(), tmp_path / "a", ("svg", "pdf"))
    again = figures.write(draw(), tmp_path / "b", ("svg", "pdf"))
    assert [path.name for path in first] == ["a.svg", "a.pdf"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    root = ElementTree.fromstring(first[0].read_text())
    assert float(root.attrib["width"].removesuffix("pt")) == pytest.approx(86 / 25.4 * 72, abs=0.1)
    pdf = first[1].read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"FontFile2" in pdf
    assert b"Type3" not in pdf


def test_from_the_command_line(cli: Cli, here: Path) -> None:
    with Path("t.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("subject", "phase", "time_paired_s", "time_unpaired_s", "test_s"))
        for k in range(3):
            rows.writerow((f"M{k}", "pretest", 480 + k, 520, 1200))
            rows.writerow((f"M{k}", "posttest", 700 - k, 340, 1200))
    said = cli("score", "--table", "t.csv", "--figures", "drawn")
    assert (said.code, said.err) == (0, "")
    names = {f"{name}.{ending}" for name in ("before-after", "scores-cpp-score-s")
             for ending in ("svg", "pdf", "png")}  # fmt: skip
    assert {path.name for path in Path("drawn").iterdir()} == names
    assert Path("drawn/before-after.png").read_bytes().startswith(b"\x89PNG")
    assert "drawn" in said.out
    assert "before-after.svg" in said.out
    again = cli("score", "--table", "t.csv", "--figures", "drawn")
    assert again.code == 2
    assert "is there already" in again.err
    assert "--figures" in again.err
    Path("file").write_text("")
    assert cli("score", "--table", "t.csv", "--figures", "file").code == 2
