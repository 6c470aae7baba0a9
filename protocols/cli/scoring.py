"""`rescore`, `manifest` and `verify`."""

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from protocols import batch, proof
from protocols import blind as blinding
from protocols.cli.exits import DONE, FAILED
from protocols.cli.table import batch_lines, from_here, lines, print_json, progress, progress_lines
from protocols.manifest import crop, made
from protocols.rows import Defaults, gather, videos_in
from protocols.working import Scored
from rig.errors import ConfigError
from rig.measures import MAX_DROPPED_SHARE, MAX_LOST_SHARE
from rig.session import Verdict
from rig.session import verify as verify_one
from rig.session.rescoring import check_out
from rig.session.row import Amend, Row, moment
from rig.session.tracks import Choice
from rig.storage import alone_in


class Wished(NamedTuple):
    """What `rescore` was asked, as it was written."""

    sources: list[Path]
    out: Path | None
    apparatus: Path | None = None
    crop: str | None = None
    start: str | None = None
    end: str | None = None
    background: str | None = None
    paired: str | None = None
    workers: int | None = None
    threads: int | None = None
    scheduler: str | None = None
    as_json: bool = False
    progress_json: bool = False
    check: bool = False
    blind: bool = False
    scale: float | None = None
    amend: Amend = Amend()


def rescore(wished: Wished) -> int:
    """Rescore rows: recordings, sessions, folders, manifests."""
    out = wished.out
    if out is None:
        raise ConfigError("--out", "", "missing: the folder results go to")
    if not wished.sources:
        raise ConfigError("SOURCE", "", "missing: a video, a session, a folder or a manifest")
    for option, count in (("--workers", wished.workers), ("--threads", wished.threads)):
        if count is not None and count < 1:
            raise ConfigError(option, "", f"{count}: one or more")
    defaults = Defaults(
        wished.apparatus,
        None if wished.crop is None else _option(crop, wished.crop, "--crop"),
        None if wished.start is None else _option(moment, wished.start, "--start"),
        None if wished.end is None else _option(moment, wished.end, "--end"),
        wished.background,
        wished.paired,
        wished.scale,
        wished.amend,
    )
    if wished.scale is not None and not 0 < wished.scale < math.inf:
        raise ConfigError("--scale", "", f"{wished.scale:g}: a number above 0")
    if defaults.end is not None and defaults.end.auto:
        raise ConfigError("--end", "", f"{wished.end!r}: only a start can be found by itself")
    check_out(out)
    rows = gather(wished.sources, defaults, out, far=wished.scheduler is not None)
    with alone_in(out, "--out"):
        return _rescore(wished, rows, out)


def _rescore(wished: Wished, rows: list[Row], out: Path) -> int:
    batch.clear_parts(out)
    many = len(rows) > 1
    hidden = None
    blinding.check(out, blind=wished.blind)
    if wished.blind:
        rows, hidden = blinding.hide(rows, out)
    if wished.check:
        return _check(rows, out, hidden, as_json=wished.as_json)
    rows, left = proof.decided(rows, out)
    for id, why in left.items():
        print(f"placepref: row {id}: not scored: it {why}", file=sys.stderr)
    if not rows:
        raise ConfigError("--out", "", f"{out} was checked, and no row is accepted there")
    with _telling(wished, rows) as tell:
        scored = batch.run(
            rows,
            out,
            workers=wished.workers,
            threads=wished.threads,
            scheduler=wished.scheduler,
            tell=tell,
        )
    if hidden is not None:
        scored = [
            one if one.error is None else one._replace(error=hidden.fault(one.error))
            for one in scored
        ]
    proof.show(out, scored)
    errors = [one for one in scored if one.error is not None]
    if not many and errors:
        assert errors[0].error is not None
        raise errors[0].error
    if wished.as_json:
        print_json([batch.as_json(one) for one in scored])
    else:
        for one in scored:
            _print(one, many=many)
    for one in errors:
        print(f"placepref: row {one.id}: {one.error}", file=sys.stderr)
    for id, (length_s, usual_s) in batch.uneven_rows(rows, scored).items():
        text = f"row {id}: scored {length_s:.1f} s, its group or its duration says {usual_s:.1f} s"
        print(f"placepref: {text}; look at its start and end", file=sys.stderr)
    if many and not wished.as_json:
        before = sum(one.before for one in scored)
        again = f", {before} of them by an earlier run" if before else ""
        print(f"{len(scored) - len(errors)} of {len(scored)} rows are scored{again}; see {out}")
    return FAILED if errors else DONE


def _check(rows: Sequence[Row], out: Path, hidden: blinding.Hidden | None, *, as_json: bool) -> int:
    with progress(f"checking {len(rows)} rows") as bar:
        seen = proof.look_at(rows, out, bar, hidden)
    if as_json:
        print_json([{"id": one.id, "error": one.error, "flags": one.flags} for one in seen])
    else:
        for one in seen:
            print(f"{one.id}: {one.error or '; '.join(one.flags) or 'nothing odd'}")
        print(f"look at {out / proof.SHEET}, decide in {out / proof.DECISIONS}, then run it again")
        print("without --check: only accepted rows are scored")
    return FAILED if any(one.error for one in seen) else DONE


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


def _print(one: Scored, *, many: bool) -> None:
    if one.error is not None:
        return
    if many:
        print(_line(one))
        return
    print_summary(one.summary)
    done = "was done before, and nothing has changed: see" if one.before else "written to"
    print(f"{done} {one.folder}")
    if one.told:
        print(one.told)
    if one.difference_s is not None and not one.before and one.difference_s:
        parts = [f"{name} {by:+.3f} s" for name, by in one.difference_s.items()]
        print(f"rescored less live: {', '.join(parts)}")


def _line(one: Scored) -> str:
    row = one.summary
    names = [k[5:-2] for k in row if k.startswith("time_") and f"latency_{k[5:]}" in row]
    times = ", ".join(f"{name} {float(row[f'time_{name}_s']):.1f} s" for name in names)
    flags = f"; flags {row['flags']}" if row.get("flags") else ""
    done = "was done before" if one.before else "written to"
    told = f"; {one.told}" if one.told else ""
    lost = f"lost {float(row['time_lost_s']):.1f} s"
    return f"{one.id}: {times}, {lost}{flags}; {done} {one.folder}{told}"


@contextmanager
def _telling(wished: Wished, rows: Sequence[Row]) -> Iterator[batch.Tell | None]:
    source = wished.sources[0]
    many = len(rows) > 1
    if wished.progress_json and many:
        yield batch_lines(f"{len(rows)} rows")
        return
    name = source.resolve().parent.name if source.name == "behav" else source.name
    what = f"{len(rows)} rows" if many or wished.blind else name or str(source)
    lines_told = nullcontext(progress_lines("1 row" if wished.blind else str(source)))
    with lines_told if wished.progress_json else progress(what, "frames/s") as bar:
        yield lambda far: bar(far.done, far.total)


def close_blind(out: Path) -> int:
    """Close a blind set: its hash, then the codes joined."""
    if not out.is_dir():
        raise ConfigError("--close-blind", "", f"{out}: there is no such folder")
    with alone_in(out, "--close-blind"):
        digest, rows = blinding.close(out)
    print(f"closed: {rows} rows, SHA-256 {digest}")
    print(f"the codes are joined in {out / blinding.JOINED}")
    return DONE


Value = TypeVar("Value")


def _option(read: Callable[[str], Value], text: str, option: str) -> Value:
    try:
        return read(text)
    except ValueError as error:
        raise ConfigError(option, "", str(error)) from None


def make_manifest(folder: Path, pattern: str, out: Path | None) -> int:
    """Write a manifest of the videos below `folder` to `out` or standard output."""
    if not folder.is_dir():
        raise ConfigError(str(folder), "", "there is no such folder")
    if out is not None and out.exists():
        raise ConfigError("--out", "", f"{out} is there already; nothing is overwritten")
    videos = [path for path in videos_in(folder) if path.is_file()]
    if not videos:
        raise ConfigError(str(folder), "", "this folder holds no video")
    beside = Path.cwd() if out is None else out.parent
    text, rest = made(videos, folder, pattern, beside)
    for path in rest:
        print(f"placepref: {from_here(path)}: does not match the pattern", file=sys.stderr)
    if len(rest) == len(videos):
        raise ConfigError("--pattern", "", f"{pattern!r}: matches none of {len(videos)} videos")
    if out is None:
        print(text, end="")
    else:
        out.write_text(text, encoding="utf-8-sig", newline="")  # a spreadsheet asks for the mark
        print(f"{len(videos) - len(rest)} rows written to {out}")
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
