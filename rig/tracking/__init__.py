"""Where the animal is in a picture: `find` without memory, then `choose` in frame order. Pure.

Before a session: `background_from` (or `LiveBackground`), then `prepare`. Per frame:
`choose(find(image, prepared), prior, t_ns)`, and `next_prior` for the next one.
"""

from rig.tracking.background import LiveBackground, background, background_from, sample_indices
from rig.tracking.choosing import Prior, choose, next_prior
from rig.tracking.finding import Candidate, Found, find
from rig.tracking.masks import fill, reach, territories
from rig.tracking.outlines import outline
from rig.tracking.preparing import ChamberSettings, Prepared, Settings, contrast, prepare

VERSION = "7"
"""Counts up whenever the same picture, or file, can give another detection."""

__all__ = [
    "VERSION",
    "Candidate",
    "ChamberSettings",
    "Found",
    "LiveBackground",
    "Prepared",
    "Prior",
    "Settings",
    "background",
    "background_from",
    "choose",
    "contrast",
    "fill",
    "find",
    "next_prior",
    "outline",
    "prepare",
    "reach",
    "sample_indices",
    "territories",
]
