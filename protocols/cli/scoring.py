"""`rescore` and `verify`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from protocols.cli.table import lines, progress
from rig.errors import ConfigError
from rig.session import Verdict
from rig.session import rescore as rescore_one
from rig.session import verify as verify_one


def rescore(
    sources: list[Path],
    out: Path,
    apparatus: Path | None,
    crop: str | None,
    start: str,
    end: str | None,
    background: str | None,
    paired: str | None,
    *,
    as_json: bool,
) -> int:
    """Rescore recordings one after the other."""
    results = []
    for source in sources:
        with progress(f"rescoring {source.name}") as told:
            result = rescore_one(
                source,
                out=out,
                apparatus=apparatus,
                crop=_crop(crop),
                start_s=_seconds(start, "--start"),
                end_s=None if end is None else _seconds(end, "--end"),
                background=background,
                paired=paired,
                progress=told,
            )
        results.append(result)
        if not as_json:
            print_summary(result.summary)
            print(f"written to {result.folder}")
            if result.live is not None:
                parts = [f"{name} {by:+.3f} s" for name, by in result.difference_s.items()]
                print(f"rescored less live: {', '.join(parts)}")
    if as_json:
        print(
            json.dumps(
                [
                    {**r.summary, "folder": str(r.folder), "difference_s": r.difference_s}
                    for r in results
                ]
            )
        )
    return 0


def print_summary(row: Mapping[str, Any]) -> None:
    """A summary row as a small table."""
    names = [k[5:-2] for k in row if k.startswith("time_") and f"latency_{k[5:]}" in row]
    rows = [
        (
            name,
            float(row[f"time_{name}_s"]),
            row[f"entries_{name}"],
            row[f"latency_{name}_s"],
            row[f"mean_visit_{name}_s"],
            float(row[f"distance_{name}_m"]),
        )
        for name in names
    ]
    print(lines(rows, ("chamber", "time s", "entries", "latency s", "mean visit s", "distance m")))
    print(
        f"scored {float(row['test_s']):.3f} s, lost {float(row['time_lost_s']):.3f} s,"
        f" {row['frames_untracked']} of {row['frames']} frames untracked"
    )
    if row.get("flags"):
        print(f"flags: {row['flags']}")


def verify(folders: list[Path], *, as_json: bool) -> int:
    """Verify sessions; 0 when every one is as it must be."""
    verdicts = [verify_one(folder) for folder in folders]
    if as_json:
        print(json.dumps([{**vars(v), "folder": str(v.folder), "ok": v.ok} for v in verdicts]))
    else:
        for verdict in verdicts:
            print(_sentence(verdict))
    return 0 if all(v.ok for v in verdicts) else 1


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


def _crop(text: str | None) -> tuple[int, int, int, int] | None:
    if text is None:
        return None
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError("--crop", "", f"{text!r}: write X,Y,W,H in whole pixels") from None
    return x, y, width, height


def _seconds(text: str, option: str) -> float:
    minutes, sign, rest = text.rpartition(":")
    try:
        return (int(minutes) * 60 if sign else 0) + float(rest)
    except ValueError:
        raise ConfigError(option, "", f"{text!r}: write seconds, or mm:ss") from None
