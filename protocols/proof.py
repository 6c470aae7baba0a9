"""The proof sheet: every row looked at before any is tracked, and what a person decides on it.

`check.json` holds what was seen, `check.html` shows it, `decisions.csv` is the person's. After
scoring the same sheet shows the tracks.
"""

import base64
import csv
import html
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from protocols.batch import UNEVEN
from protocols.blind import Hidden
from protocols.manifest import spreadsheet
from protocols.working import Scored
from rig.apparatus import Apparatus
from rig.errors import ConfigError
from rig.session.checking import Checked, check
from rig.session.clock import wall_now
from rig.session.row import Nudge, Row, asked
from rig.storage.folder import replace as write

CHECK, SHEET, DECISIONS = "check.json", "check.html", "decisions.csv"
COLUMNS = ("id", "decision", "dx_px", "dy_px", "turn_deg", "who", "when")
WORDS = ("accept", "nudge", "reject")


def look_at(
    rows: Sequence[Row], out: Path, tell: Any = None, hidden: Hidden | None = None
) -> list[Checked]:
    """Check every row and write the sheet into `out`; decisions that are there stay.

    `hidden`: what must not stand in it. Gives what was seen, worst first. Raises StorageError.
    """
    seen = []
    for k, row in enumerate(rows):
        one = check(row)
        if hidden is not None:
            flags = tuple(map(hidden.out_of, one.flags))
            shape = one.apparatus and one.apparatus.model_copy(update={"reference": None})
            one = replace(one, error=hidden.out_of(one.error), flags=flags, apparatus=shape)
        seen.append(one)
        if tell is not None:
            tell(k + 1, len(rows))
    seen = _uneven(rows, seen)
    out.mkdir(parents=True, exist_ok=True)
    kept = {
        one.id: {**_plain(one), "asked": _asked(row)} for row, one in zip(rows, seen, strict=True)
    }
    write(out / CHECK, (json.dumps(kept, indent=1) + "\n").encode())
    have = _decisions(out) if (out / DECISIONS).exists() else {}
    _write(out, [*({"id": row.id, **have.pop(row.id, {})} for row in rows), *have.values()])
    show(out)
    return sorted(seen, key=_badness)


def _write(out: Path, decisions: Iterable[Mapping[str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(decisions)
    write(out / DECISIONS, text.getvalue().encode("utf-8-sig"))


@dataclass(frozen=True)
class Line:
    """A row of the sheet: what was seen of it, and what a person decided ("" nothing yet).

    `first` and `last`: JPEG files' bytes of its first scored picture and its last.
    """

    id: str
    error: str
    flags: tuple[str, ...]
    facts: str
    first: bytes
    last: bytes
    apparatus: Apparatus | None
    decision: str
    nudge: Nudge
    who: str


def sheet_lines(out: Path) -> list[Line]:
    """The sheet in `out`, worst first. Raises ConfigError where nothing was checked there."""
    if not (out / CHECK).exists():
        message = f"was not checked: run placepref rescore ... --check --out {out} first"
        raise ConfigError(str(out), "", message)
    decisions = _decisions(out) if (out / DECISIONS).exists() else {}
    try:
        return [_line(one, decisions.get(one["id"], {})) for one in _worst_first(_checked(out))]
    except DAMAGED as error:
        raise _damaged(out, error) from None


def decide(out: Path, id: str, word: str, who: str, nudge: Nudge | None = None) -> None:
    """Write what a person decides of one row; all else in decisions.csv stays.

    Raises ConfigError for a row that is not on the sheet, a word that is none, or nobody named.
    """
    if id not in _checked(out):
        raise ConfigError(str(out / CHECK), "", f"has no row {id!r}")
    if word not in WORDS:
        raise ConfigError(str(out / DECISIONS), "decision", f"{word!r}: one of {', '.join(WORDS)}")
    if not who.strip():
        raise ConfigError(str(out / DECISIONS), "who", "missing: who decides it?")
    moved = nudge or Nudge()
    if word == "nudge" and moved == Nudge():
        message = "missing: a nudge says dx_px, dy_px or turn_deg"
        raise ConfigError(str(out / DECISIONS), "dx_px", message)
    numbers = {key: f"{value:g}" if word == "nudge" else "" for key, value in vars(moved).items()}
    have = _decisions(out) if (out / DECISIONS).exists() else {}
    have[id] = {"id": id, "decision": word, **numbers, "who": who.strip(), "when": wall_now()}
    _write(out, have.values())


DAMAGED = (KeyError, TypeError, ValueError, IndexError, AttributeError)


def _damaged(out: Path, error: Exception) -> ConfigError:
    return ConfigError(str(out / CHECK), "", f"is damaged ({error!r}); run --check again")


def _line(one: Mapping[str, Any], said: Mapping[str, str]) -> Line:
    pictures = {key: base64.b64decode(one[key]) for key in ("first", "last")}
    shape = one["apparatus"] and {**one["apparatus"], "reference": None}
    return Line(
        id=one["id"],
        error=one["error"],
        flags=tuple(one["flags"]),
        facts=_facts(one),
        first=pictures["first"],
        last=pictures["last"],
        apparatus=Apparatus.model_validate(shape) if shape else None,
        decision=said.get("decision", ""),
        nudge=Nudge(*(_number(said, key) for key in ("dx_px", "dy_px", "turn_deg"))),
        who=said.get("who", ""),
    )


def _worst_first(checked: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return sorted(
        checked.values(), key=lambda one: (not one["error"], -len(one["flags"]), one["id"])
    )


def _facts(one: Mapping[str, Any]) -> str:
    if not one["size_px"]:
        return ""
    residual = one["residual_cm"]
    fit = "" if residual is None else f", apparatus off by {residual:.2f} cm"
    return (
        f"{one['size_px'][0]}x{one['size_px'][1]} px, {one['rate_hz']:.4g} frames/s,"
        f" {one['frames']} pictures, {one['length_s']:.1f} s scored{fit}"
    )


def decided(rows: Sequence[Row], out: Path) -> tuple[list[Row], dict[str, str]]:
    """The rows that may be scored into `out`, nudged as a person has said, and why others not.

    All rows, where `out` was not checked. Raises ConfigError for decisions that cannot be read.
    """
    if not (out / CHECK).exists():
        return list(rows), {}
    checked = _checked(out)
    decisions = _decisions(out)
    accepted, left = [], {}
    for row in rows:
        one, seen = decisions.get(row.id, {}), checked.get(row.id)
        word = one.get("decision", "")
        if seen is None:
            left[row.id] = "was not checked: run --check again"
        elif seen["asked"] != _asked(row):
            left[row.id] = "is another now than it was when checked: run --check again"
        elif not word:
            left[row.id] = f"is not decided in {out / DECISIONS}"
        elif word == "reject":
            left[row.id] = f"was rejected by {one['who']}"
        else:
            nudge = Nudge(*(_number(one, key) for key in ("dx_px", "dy_px", "turn_deg")))
            moved = nudge if word == "nudge" else None
            accepted.append(replace(row, nudge=moved, decision=one))
    return accepted, left


def _asked(row: Row) -> dict[str, Any]:
    paths = (path for path in row.sources() if path.is_file())
    sizes = [str(path.stat().st_size) for path in paths]
    told = asked(replace(row, nudge=None), sizes)
    return {key: value for key, value in told.items() if key not in ("version", "tracking")}


def _checked(out: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((out / CHECK).read_text(encoding="utf-8"))
        if not all(isinstance(one["asked"], dict) for one in found.values()):
            raise ValueError("not what --check writes")
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(str(out / CHECK), "", f"cannot be read: {error}") from None
    return found


def _decisions(out: Path) -> dict[str, dict[str, str]]:
    path = out / DECISIONS
    found: dict[str, dict[str, str]] = {}
    for where, cells in spreadsheet(path, COLUMNS, ("id", "decision")):
        if cells.get("id") in found:
            raise ConfigError(where, "id", f"{cells['id']!r}: is decided twice; leave one line")
        word = cells.get("decision", "").lower()
        if word and word not in WORDS:
            raise ConfigError(where, "decision", f"{word!r}: one of {', '.join(WORDS)}")
        if word and not cells.get("who"):
            raise ConfigError(where, "who", "missing: who decided it?")
        one = {**cells, "decision": word}
        for key in ("dx_px", "dy_px", "turn_deg"):
            try:
                _number(one, key)
            except ValueError:
                raise ConfigError(where, key, f"{one[key]!r}: a number is wanted") from None
        if word == "nudge" and not any(one.get(k) for k in ("dx_px", "dy_px", "turn_deg")):
            raise ConfigError(where, "dx_px", "missing: a nudge says dx_px, dy_px or turn_deg")
        if cells.get("id"):
            found[cells["id"]] = one
    return found


def _number(cells: Mapping[str, str], key: str) -> float:
    value = float((cells.get(key) or "0").replace(",", "."))
    if not abs(value) < 1e5:
        raise ValueError(key)
    return value


def _uneven(rows: Sequence[Row], seen: Sequence[Checked]) -> list[Checked]:
    lengths: dict[str, list[float]] = {}
    for row, one in zip(rows, seen, strict=True):
        if one.length_s is not None:
            lengths.setdefault(row.phase, []).append(one.length_s)
    out = []
    for row, one in zip(rows, seen, strict=True):
        usual_s = median(lengths.get(row.phase, [0.0]))
        if one.length_s is not None and abs(one.length_s - usual_s) > UNEVEN * usual_s:
            text = f"{one.length_s:.1f} s long, others of its group {usual_s:.1f} s"
            one = replace(one, flags=(*one.flags, text))
        out.append(one)
    return out


def _badness(one: Checked) -> tuple[bool, int, str]:
    return not one.error, -len(one.flags), one.id


def _plain(one: Checked) -> dict[str, Any]:
    shape = one.apparatus and one.apparatus.model_dump(mode="json", exclude_none=True)
    pictures = {key: base64.b64encode(getattr(one, key)).decode() for key in ("first", "last")}
    facts = {k: v for k, v in asdict(replace(one, apparatus=None)).items() if k != "apparatus"}
    return {**facts, **pictures, "apparatus": shape}


# the sheet

_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Proof sheet</title><style>
body{font:14px sans-serif;margin:1em}td,th{padding:.4em;vertical-align:top;text-align:left}
tr{border-bottom:1px solid #ccc}table{border-collapse:collapse}.bad{color:#b00020}
svg{width:320px;height:auto;display:block;background:#888}polygon{fill:none;stroke:#00c8ff}
.zone{stroke:#ffb000;stroke-dasharray:4}line{stroke:#ff3090}polyline{fill:none;stroke:#ff3090}
</style><h1>Proof sheet</h1><p>Worst first. Decide each row in decisions.csv beside this page:
accept, nudge (with dx_px, dy_px, turn_deg) or reject, and who.</p><table>
<tr><th>row<th>first scored picture<th>last picture<th>facts<th>after scoring</tr>
"""


def show(out: Path, scored: Sequence[Scored] = ()) -> None:
    """Write the sheet of what was checked, with the tracks of what has been scored."""
    if not (out / CHECK).exists():
        return
    checked = _checked(out)
    try:
        page = _page(checked, scored)
    except DAMAGED as error:
        raise _damaged(out, error) from None
    write(out / SHEET, page)


def _page(checked: Mapping[str, Any], scored: Sequence[Scored]) -> bytes:
    done = {one.id: one for one in scored if one.error is None}
    lines = [_HEAD]
    for one in _worst_first(checked):
        flags = [one["error"], *one["flags"]] if one["error"] else one["flags"]
        facts = [f'<p class="bad">{html.escape(flag)}' for flag in flags]
        if one["size_px"]:
            facts.append(f"<p>{html.escape(_facts(one))}")
        cells = [
            html.escape(one["id"]),
            _picture(one, "first", zones=True),
            _picture(one, "last", zones=False),
            "".join(facts),
            _result(one, done[one["id"]]) if one["id"] in done else "",
        ]
        lines.append("<tr>" + "".join(f"<td>{cell}" for cell in cells) + "</tr>\n")
    lines.append("</table></html>\n")
    return "".join(lines).encode()


def _picture(one: Mapping[str, Any], which: str, *, zones: bool, track: str = "") -> str:
    if not one[which]:
        return ""
    apparatus = Apparatus.model_validate(one["apparatus"])
    width, height = apparatus.frame_size_px
    drawn = []
    if zones:
        for kind, places in (("chamber", apparatus.chamber), ("zone", apparatus.zone)):
            for place in places:
                points = " ".join(f"{x:g},{y:g}" for x, y in place.outline_px)
                name = html.escape(place.name)
                drawn.append(
                    f'<polygon class="{kind}" points="{points}"><title>{name}</title></polygon>'
                )
        for doorway in apparatus.doorway:
            (x0, y0), (x1, y1) = doorway.line_px
            drawn.append(f'<line x1="{x0:g}" y1="{y0:g}" x2="{x1:g}" y2="{y1:g}"/>')
    stroke = max(1.0, width / 300)
    picture = base64.b64encode(base64.b64decode(one[which])).decode()  # and nothing else
    return (
        f'<svg viewBox="0 0 {width} {height}" stroke-width="{stroke:g}">'
        f'<image width="{width}" height="{height}" preserveAspectRatio="none"'
        f' href="data:image/jpeg;base64,{picture}"/>{"".join(drawn)}{track}</svg>'
    )


def _result(one: Mapping[str, Any], scored: Scored) -> str:
    every = max(1, int(float(scored.summary.get("frames") or 0)) // 1500)
    drawn, jumps = [], 0
    with (scored.folder / "frames.csv").open(newline="", encoding="utf-8") as file:
        rows = (row for row in csv.DictReader(file) if row["scored"] == "1")
        for k, row in enumerate(rows):
            jumps += "jump" in row["flag"].split("+")
            if k % every == 0 and row["x_px"]:
                drawn.append(f"{float(row['x_px']):.7g},{float(row['y_px']):.7g}")
    points = " ".join(drawn)
    track = f'<polyline points="{points}"/>'
    summary = scored.summary
    told = [f"{jumps} jumps", f"lost {_s(summary, 'time_lost_s'):.1f} s"]
    for key in summary:
        name = key[len("time_lost_after_") : -2]
        if key.startswith("time_lost_after_"):
            spent_s = _s(summary, f"time_{name}_s") + _s(summary, key)
            told.append(f"{name}: {_s(summary, key) / spent_s if spent_s else 0:.1%} lost")
    if summary.get("flags"):
        told.append(f"flags {summary['flags']}")
    return _picture(one, "first", zones=True, track=track) + html.escape("; ".join(told))


def _s(row: Mapping[str, Any], key: str) -> float:
    return float(row.get(key) or 0.0)
