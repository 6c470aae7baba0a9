"""`rescore` and `verify`."""

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from protocols.cli.exits import DONE, FAILED
from protocols.cli.table import lines, print_json, progress, progress_lines
from rig.errors import ConfigError
from rig.measures import MAX_DROPPED_SHARE, MAX_LOST_SHARE
from rig.session import Verdict
from rig.session import rescore as rescore_one
from rig.session import verify as verify_one
from rig.session.amending import Amend
from rig.session.tracks import Choice


def rescore(
    sources: list[Path],
    out: Path,
    apparatus: Path | None,
    crop: str | None,
    start: str,
    end: str | None,
    background: str | None,
    paired: str | None,
    workers: int | None,
    amend: Amend | None = None,
    *,
    as_json: bool,
    progress_json: bool = False,
) -> int:
    """Rescore recordings one after the other."""
    part = _crop(crop)
    start_s = _seconds(start, "--start")
    end_s = None if end is None else _seconds(end, "--end")
    if workers is not None and workers < 1:
        raise ConfigError("--workers", "", f"{workers}: one or more")
    for option, given in (
        ("--corrections", amend and amend.corrections),
        ("--tracks", amend and amend.tracks),
    ):
        if given and len(sources) > 1:
            raise ConfigError(option, "", "is of one recording: rescore them one at a time")
    results = []
    for source in sources:
        name = source.resolve().parent.name if source.name == "behav" else source.name
        lines_told = nullcontext(progress_lines(str(source)))
        with lines_told if progress_json else progress(name or str(source)) as told:
            result = rescore_one(
                source,
                out=out,
                apparatus=apparatus,
                crop=part,
                start_s=start_s,
                end_s=end_s,
                background=background,
                paired=paired,
                workers=workers,
                amend=amend,
                progress=told,
            )
        results.append(result)
        if not as_json:
            if len(sources) > 1:
                print(("" if len(results) == 1 else "\n") + str(source))
            print_summary(result.summary)
            print(f"written to {result.folder}")
            if result.live is not None:
                parts = [f"{name} {by:+.3f} s" for name, by in result.difference_s.items()]
                print(f"rescored less live: {', '.join(parts)}")
    if as_json:
        print_json(
            [
                {**r.summary, "folder": str(r.folder), "difference_s": r.difference_s}
                for r in results
            ]
        )
    return DONE


def print_summary(row: Mapping[str, Any]) -> None:
    """A summary row as a small table."""
    names = [k[5:-2] for k in row if k.startswith("time_") and f"latency_{k[5:]}" in row]
    columns = {
        "time s": "time_{}_s",
        "inferred s": "time_inferred_{}_s",
        "entries": "entries_{}",
        "latency s": "latency_{}_s",
        "mean visit s": "mean_visit_{}_s",
        "distance m": "distance_{}_m",
    }
    if not any(row.get(f"time_inferred_{name}_s") for name in names):
        del columns["inferred s"]
    rows = [(name, *(row[key.format(name)] for key in columns.values())) for name in names]
    print(lines(rows, ("chamber", *columns)))
    print(
        f"scored {float(row['test_s']):.3f} s, lost {float(row['time_lost_s']):.3f} s,"
        f" {row['frames_untracked']} of {row['frames']} frames untracked"
    )
    empty = (None, "")
    roles = [r for r in ("paired", "unpaired") if row.get(f"time_{r}_s") not in empty]
    if roles:
        print(", ".join(f"{role} {float(row[f'time_{role}_s']):.1f} s" for role in roles))
    for flag in str(row.get("flags") or "").split("+"):
        if flag:
            print(f"flag {flag}: {_FLAGS.get(flag, 'look at the recording')}")


_FLAGS = {
    "lost": f"more than {MAX_LOST_SHARE:.0%} of the time the animal was not seen",
    "lost_differs": "one chamber lost more time than another; compare their contrast",
    "dropped": f"more than {MAX_DROPPED_SHARE:.0%} of the frames never came from the camera",
    "through_wall": "the animal seemed to change chambers through a wall",
    "escape": "the animal was seen outside all chambers",
}


def verify(folders: list[Path], *, as_json: bool) -> int:
    """Verify sessions; 0 when every one is as it must be."""
    verdicts = [verify_one(folder) for folder in folders]
    if as_json:
        print_json([{**vars(v), "folder": str(v.folder), "ok": v.ok} for v in verdicts])
    else:
        for verdict in verdicts:
            print(_sentence(verdict))
    return DONE if all(v.ok for v in verdicts) else FAILED


def _sentence(v: Verdict) -> str:
    out = [f"{v.folder}: {'ok' if v.ok else 'NOT ok'}"]
    if v.unfinished:
        out.append("  unfinished: it has no stop record; resume or close it")
    out += [f"  {problem}" for problem in v.problems]
    if not v.problems:
        out.append(f"  replay exact: {v.rows} rows and {v.events} events")
        kind = "lossless" if v.lossless else "lossy"
        same = "" if v.same_version else ", recorded by another tracking version"
        if v.differing:
            out.append(
                f"  tracked again ({kind}{same}): {v.differing} of {v.pictures} pictures differ,"
                f" by {v.largest_px:g} px at most"
            )
        else:
            out.append(f"  tracked again ({kind}{same}): all {v.pictures} pictures equal")
    return "\n".join(out)


def amend(
    corrections: Path | None,
    overlay: bool,
    tracks: Path | None,
    parts: Sequence[str],
    min_likelihood: float,
    individual: str | None,
    origin: str | None,
    unit: str | None,
    shift_s: float,
) -> Amend:
    """The options of `rescore` that say what else is to be done with a row."""
    if not 0 <= min_likelihood <= 1:
        raise ConfigError("--min-likelihood", "", f"{min_likelihood:g}: from 0 to 1")
    named = {}
    for text in parts:
        ours, _, theirs = text.partition("=")
        if not (ours and theirs):
            raise ConfigError("--part", "", f"{text!r}: write OURS=THEIRS, as in nose=snout")
        named[ours] = theirs
    at = None
    if origin is not None:
        try:
            x, y = (float(part) for part in origin.split(","))
        except ValueError:
            raise ConfigError("--tracks-origin", "", f"{origin!r}: write X,Y in px") from None
        at = (x, y)
    if unit not in (None, "px", "cm", "mm"):
        raise ConfigError("--tracks-unit", "", f"{unit!r}: one of px, cm, mm")
    choice = Choice(named, min_likelihood, individual, at, unit, shift_s)
    return Amend(corrections, tracks, choice, overlay)


def _crop(text: str | None) -> tuple[int, int, int, int] | None:
    if text is None:
        return None
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError("--crop", "", f"{text!r}: write X,Y,W,H in whole pixels") from None
    return x, y, width, height


def _seconds(text: str, option: str) -> float:
    *larger, rest = text.split(":")
    try:
        seconds = float(rest)
        for place, part in enumerate(reversed(larger), 1):
            seconds += int(part) * 60**place
    except ValueError:
        seconds = math.nan
    if not (0 <= seconds < math.inf and len(larger) <= 2):
        raise ConfigError(option, "", f"{text!r}: write seconds, mm:ss or h:mm:ss")
    return seconds
