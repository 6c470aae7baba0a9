"""What the two sides are: a session, a rescored folder, or a table of any program."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from protocols.comparing.comparison import Comparison
from protocols.comparing.frames import compare_frames, track
from protocols.comparing.results import compare_results
from protocols.comparing.visits import compare_visits, visits
from rig import apparatus as apparatuses
from rig.apparatus import Apparatus
from rig.errors import ConfigError
from rig.session.sheet import Sheet, read_sheet


class Kind(StrEnum):
    """What a table is about, a row each."""

    FRAMES = "frames"
    VISITS = "visits"
    RESULTS = "results"


FILES = {Kind.FRAMES: "frames.csv", Kind.VISITS: "visits.csv", Kind.RESULTS: "summary.csv"}
NEEDED: Mapping[Kind, tuple[tuple[str, ...], ...]] = {
    Kind.FRAMES: (("x_px", "y_px", "frame"), ("x_px", "y_px", "t_s")),
    Kind.VISITS: (("zone", "start_s", "end_s"),),
    Kind.RESULTS: (("subject", "phase"),),
}


@dataclass(frozen=True)
class _Side:
    said: str
    tables: Mapping[Kind, Path]
    columns: Mapping[str, str]
    apparatus: Apparatus | None = None

    def sheet(self, kind: Kind) -> Sheet:
        return _renamed(read_sheet(self.tables[kind]), self.columns)


def compare(
    a: Path,
    b: Path,
    *,
    kind: Kind | None = None,
    columns_a: Mapping[str, str] | None = None,
    columns_b: Mapping[str, str] | None = None,
    apparatus: Apparatus | None = None,
    zones: Sequence[str] = (),
    measures: Sequence[str] = (),
    rate_hz: float | None = None,
) -> Comparison:
    """Compare two sides as what both are: frames before visits before results.

    Args:
        a: a session, a rescored folder, a folder of results, or a table.
        b: the same; differences are b less a.
        kind: what to compare; None: the first that both have.
        columns_a: our names of columns, and what they are called in a.
        columns_b: the same of b.
        apparatus: for scale and zones; None: that of a or b where it is a session or was rescored.
        zones: of visits: only these.
        measures: of results: only these.
        rate_hz: of frames, where neither table has times.

    Raises ConfigError for what cannot be read or compared, naming file, column and row.
    """
    one, other = _side(a, columns_a or {}), _side(b, columns_b or {})
    both = [k for k in Kind if k in one.tables and k in other.tables and kind in (None, k)]
    if not both:
        have = [f"{side.said} has {', '.join(side.tables) or 'none'}" for side in (one, other)]
        wanted = "" if kind is None else f" of {kind}"
        raise ConfigError("compare", "", f"no two tables{wanted} to compare: {'; '.join(have)}")
    known = apparatus or one.apparatus or other.apparatus
    if both[0] is Kind.RESULTS:
        return compare_results(one.sheet(both[0]), other.sheet(both[0]), measures)
    if both[0] is Kind.VISITS:
        wanted_zones = tuple(zones)
        if not zones and known is not None:
            wanted_zones = known.chamber_names
        tables = [side.sheet(both[0]) for side in (one, other)]
        stays = [visits(table, wanted_zones) for table in tables]
        return compare_visits(tables[0].file, stays[0], tables[1].file, stays[1])
    first, second = (track(side.sheet(both[0])) for side in (one, other))
    return compare_frames(first, second, known, rate_hz)


def _side(path: Path, renamed: Mapping[str, str]) -> _Side:
    if path.is_dir():
        for place in (path, path / "behav"):
            tables = {
                kind: place / name for kind, name in FILES.items() if (place / name).is_file()
            }
            if tables:
                return _Side(str(path), tables, renamed, _own_apparatus(place))
        message = f"holds none of {', '.join(FILES.values())}"
        raise ConfigError(str(path), "", message)
    sheet = _renamed(read_sheet(path), renamed)
    kinds = [k for k, sets in NEEDED.items() if any(set(s) <= sheet.columns.keys() for s in sets)]
    if not kinds:
        ways = "; ".join(f"{k}: {', '.join(sets[0])}" for k, sets in NEEDED.items())
        message = f"has not the columns of any table ({ways}); say which they are by --column-a, -b"
        raise ConfigError(str(path), "", message)
    return _Side(str(path), dict.fromkeys(kinds, path), renamed, _own_apparatus(path.parent))


def _renamed(sheet: Sheet, renamed: Mapping[str, str]) -> Sheet:
    columns = dict(sheet.columns)
    for ours, theirs in renamed.items():
        columns[ours] = sheet.texts(theirs)
    return replace(sheet, columns=columns)


def _own_apparatus(folder: Path) -> Apparatus | None:
    """That of a rescored folder or a session."""
    for name in ("rescore.json", "setup.json"):
        path = folder / name
        try:
            table = json.loads(path.read_text(encoding="utf-8"))["apparatus"]
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
            raise ConfigError(str(path), "apparatus", f"cannot be read: {error}") from None
        return apparatuses.from_table(table, str(path))
    return None
