"""A second place for a study: each session and the database, copied, verified, told."""

from protocols.study.second.book import Entry, Safety, lines_of, safety
from protocols.study.second.copying import (
    PLACE,
    Kept,
    copy_all,
    copy_in_background,
    forget_place,
    kept_of,
    on_one_disk,
    place_of,
    set_place,
    wait_and_copy,
)

__all__ = [
    "PLACE",
    "Entry",
    "Kept",
    "Safety",
    "copy_all",
    "copy_in_background",
    "forget_place",
    "kept_of",
    "lines_of",
    "on_one_disk",
    "place_of",
    "safety",
    "set_place",
    "wait_and_copy",
]
