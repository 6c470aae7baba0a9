"""The figures of a scored study, by name; each is drawn when it is asked for."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from protocols.scores import POSTTEST, PRETEST
from protocols.scoring.scored import StudyScores

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def study_figures(found: StudyScores) -> Mapping[str, Callable[[], "Figure"]]:
    """Scores, ranges, courses, places, quality and control charts of all analysed animals."""
    from protocols import figures
    from protocols.figures.fragile import fragile

    drawings = dict(figures.table_figures(found.animals, found.scored, found.rules.primary))
    drawings["ranges"] = lambda: fragile(
        found.scored, {k: one.ranges for k, one in found.measured.items()}, found.rules.primary
    )
    mine = [
        session
        for animal in found.animals
        for session in found.measured[animal.subject].sessions.values()
    ]
    main = [session for session in mine if session.phase in (PRETEST, POSTTEST)]
    drawings["cumulative"] = lambda: figures.cumulative(main)
    drawings["bins"] = lambda: figures.bins(main)
    for name, made in (("raster", figures.raster), ("heat-maps", figures.heat_maps),
                       ("tracks", figures.tracks)):  # fmt: skip
        for k, page in enumerate(made(main), 1):
            drawings[f"{name}-{k}"] = lambda page=page: page  # type: ignore[misc]
    drawings["quality"] = lambda: figures.quality(mine)
    drawings["control-charts"] = lambda: figures.control_charts(mine)
    return drawings
