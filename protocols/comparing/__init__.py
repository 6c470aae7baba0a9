"""How far two tables of the same recordings agree: `compare` finds out what they are."""

from protocols.comparing.comparison import Comparison, Measure, ZoneRow
from protocols.comparing.sides import Kind, compare

__all__ = ["Comparison", "Kind", "Measure", "ZoneRow", "compare"]
