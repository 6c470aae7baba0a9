"""Data in, a matplotlib figure out; no window, no state of pyplot. Loaded when asked for."""

from protocols.figures.animals import before_after, extinction, scores_by_group, table_figures
from protocols.figures.charts import control_charts, quality
from protocols.figures.courses import bins, cumulative, raster
from protocols.figures.places import heat_maps, tracks
from protocols.figures.style import FORMATS, write

__all__ = [
    "FORMATS",
    "before_after",
    "bins",
    "control_charts",
    "cumulative",
    "extinction",
    "heat_maps",
    "quality",
    "raster",
    "scores_by_group",
    "table_figures",
    "tracks",
    "write",
]
