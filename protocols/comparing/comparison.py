"""What a comparison found, and as plain data for JSON. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from protocols.agreement import Agreement, Floats, agreement, kappa

MOST_OUTLIERS = 20
"""So many are named, the worst first; their number is told."""


@dataclass(frozen=True)
class Measure:
    """One measure in both tables, pair by pair; `unit` is "" for counts."""

    name: str
    a: Floats
    b: Floats
    unit: str = ""

    @property
    def told(self) -> Agreement:
        """How far both agree."""
        return agreement(self.a, self.b)


@dataclass(frozen=True)
class ZoneRow:
    """One chamber or zone in both: seconds in it, entries, kappa of "in it" second by second."""

    zone: str
    time_a_s: float
    time_b_s: float
    entries_a: int
    entries_b: int
    kappa: float


@dataclass(frozen=True)
class Distance:
    """How far positions lie apart, in `unit`."""

    unit: str
    median: float
    p95: float
    p99: float
    most: float


@dataclass
class Comparison:
    """Two tables compared: B less A throughout.

    `kind` is frames, visits or results; `joined` counts the pairs of what `rows` says; `only_a`
    and `only_b` the rows without a partner, by name where they have one. `kappa` is of the zone
    in each of `seconds` seconds, None without zones or times.
    """

    kind: str
    a: str
    b: str
    rows: str
    joined: int
    only_a: list[str] = field(default_factory=list)
    only_b: list[str] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)
    distances: list[Distance] = field(default_factory=list)
    zones: list[ZoneRow] = field(default_factory=list)
    kappa: float | None = None
    seconds: int = 0
    seconds_same: int = 0
    outliers: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain data: everything but the pairs themselves."""
        return {
            "kind": self.kind,
            "a": self.a,
            "b": self.b,
            "joined": self.joined,
            "only_a": self.only_a,
            "only_b": self.only_b,
            "measures": [{"name": m.name, "unit": m.unit, **asdict(m.told)} for m in self.measures],
            "position": [asdict(distance) for distance in self.distances],
            "zones": [asdict(zone) for zone in self.zones],
            "kappa": self.kappa,
            "seconds": self.seconds,
            "seconds_same": self.seconds_same,
            "outliers": self.outliers,
            "notes": self.notes,
        }


def zone_rows(
    seconds_a: Sequence[str],
    seconds_b: Sequence[str],
    parts: dict[str, tuple[float, float]],
    entries: dict[str, tuple[int, int]],
) -> list[ZoneRow]:
    """A row a zone, in the order of `parts`: its times in s, its entries, its own kappa."""
    return [
        ZoneRow(
            zone,
            *times,
            *entries.get(zone, (0, 0)),
            kappa([z == zone for z in seconds_a], [z == zone for z in seconds_b]),
        )
        for zone, times in parts.items()
    ]
