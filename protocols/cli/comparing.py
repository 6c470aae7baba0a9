"""`compare`: what two tables of the same recordings agree in."""

from collections.abc import Sequence
from pathlib import Path

from protocols.agreement import Agreement
from protocols.cli.exits import DONE
from protocols.cli.table import WIDTH, lines, print_json, wrapped
from protocols.comparing import Comparison, Kind, compare
from protocols.comparing.comparison import MOST_OUTLIERS
from protocols.scatter import scatter
from rig.errors import ConfigError, StorageError
from rig.session import load_apparatus

MOST_NAMES = 6


def compare_two(
    a: Path,
    b: Path,
    of: str | None,
    columns_a: Sequence[str],
    columns_b: Sequence[str],
    apparatus: Path | None,
    zones: Sequence[str],
    measures: Sequence[str],
    rate_hz: float | None,
    figure: Path | None,
    *,
    as_json: bool,
) -> int:
    """Compare, print, and draw where asked."""
    if of is not None and of not in tuple(Kind):
        raise ConfigError("--of", "", f"{of!r}: one of {', '.join(Kind)}")
    if rate_hz is not None and not rate_hz > 0:
        raise ConfigError("--rate-hz", "", f"{rate_hz:g}: more than 0")
    if figure is not None:
        _check_figure(figure)
    done = compare(
        a,
        b,
        kind=None if of is None else Kind(of),
        columns_a=_columns(columns_a, "--column-a"),
        columns_b=_columns(columns_b, "--column-b"),
        apparatus=None if apparatus is None else load_apparatus(apparatus),
        zones=zones,
        measures=measures,
        rate_hz=rate_hz,
    )
    if figure is not None:
        _draw(done, figure)
    if as_json:
        print_json(done.to_json())
        return DONE
    _print(done)
    if figure is not None:
        print(f"figure written to {figure}")
    return DONE


def _columns(said: Sequence[str], option: str) -> dict[str, str]:
    columns = {}
    for text in said:
        ours, equals, theirs = text.partition("=")
        if not (equals and ours.strip() and theirs.strip()):
            raise ConfigError(option, "", f"{text!r}: write OURS=THEIRS, as in x_px=X center")
        columns[ours.strip()] = theirs.strip()
    return columns


def _check_figure(figure: Path) -> None:
    if figure.suffix.lower() != ".svg":
        raise ConfigError("--figure", "", f"{figure}: figures are SVG; name it ....svg")
    if figure.exists():
        raise ConfigError("--figure", "", f"{figure} is there already; nothing is overwritten")
    if not figure.absolute().parent.is_dir():
        raise ConfigError("--figure", "", f"there is no folder {figure.parent}")


def _draw(done: Comparison, figure: Path) -> None:
    text = scatter(
        [(m.name, m.a, m.b) for m in done.measures if len(m.a)], f"A: {done.a}", f"B: {done.b}"
    )
    try:
        with figure.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(f"{figure} cannot be written: {error.strerror}") from error


def _print(done: Comparison) -> None:
    print(f"A  {done.a}\nB  {done.b}\n{done.joined} {done.rows} in both, B less A")
    for name, only in (("A", done.only_a), ("B", done.only_b)):
        if only:
            more = ", ..." if len(only) > MOST_NAMES else ""
            named = ", ".join(only[:MOST_NAMES]) + more
            print(wrapped(f"{len(only)} {done.rows} only in {name}: {named}", 0, 2))
    for note in done.notes:
        print(wrapped(note, 0, 2))
    if done.distances:
        rows = [
            (f"position {d.unit}", *(f"{v:.2f}" for v in (d.median, d.p95, d.p99, d.most)))
            for d in done.distances
        ]
        print("\n" + lines(rows, ("apart", "median", "95 %", "99 %", "most")))
    if any(len(m.a) for m in done.measures):
        print("\n" + _measures([(m.name, m.told) for m in done.measures]))
    if done.zones:
        zones: list[tuple[object, ...]] = [
            (z.zone, f"{z.time_a_s:.2f}", f"{z.time_b_s:.2f}", f"{z.time_b_s - z.time_a_s:+.2f}",
             z.entries_a, z.entries_b, _blank(f"{z.kappa:.4f}"))
            for z in done.zones
        ]  # fmt: skip
        names = ("zone", "A s", "B s", "B-A s", "entries A", "entries B", "kappa")
        print("\n" + lines(zones, names))
    if done.kappa is not None:
        same = f"{done.seconds_same} of {done.seconds} seconds in the same zone"
        print(f"kappa per second {_blank(f'{done.kappa:.4f}')}: {same}")
    if done.outliers:
        print(f"\noutliers: {len(done.outliers)}")
        for outlier in done.outliers[:MOST_OUTLIERS]:
            print(wrapped(outlier, 2, 4))
        if len(done.outliers) > MOST_OUTLIERS:
            print(f"  and {len(done.outliers) - MOST_OUTLIERS} more: --json names them all")


def _measures(told: Sequence[tuple[str, Agreement]]) -> str:
    """A line a measure, at most 79 characters: names that are too long lose their middle."""
    head = ("measure", "n", "r", "CCC", "ICC", "bias", "low", "high")
    cells = [
        (
            str(t.n),
            *(_blank(f"{v:.4f}") for v in (t.pearson, t.concordance, t.icc)),
            *(_blank(f"{v:.4g}") for v in (t.bias, t.low, t.high)),
        )
        for _, t in told
    ]
    names = [name for name, _ in told]

    def table(names: Sequence[str]) -> str:
        return lines([(name, *row) for name, row in zip(names, cells, strict=True)], head)

    over = max(map(len, table(names).splitlines())) - WIDTH
    if over > 0:
        most = max(map(len, names)) - over
        names = [n if len(n) <= most else _middle_out(n, most) for n in names]
    return table(names)


def _middle_out(name: str, most: int) -> str:
    left = max(1, (most - 2) // 2)
    return name[:left] + ".." + name[-max(1, most - 2 - left) :]


def _blank(cell: object) -> object:
    return "-" if cell == "nan" else cell
