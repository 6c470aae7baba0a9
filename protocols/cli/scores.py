"""`score`: preference scores of times that were measured already, and what they say."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocols.cli.exits import DONE
from protocols.cli.table import WIDTH, lines, print_json, progress, wrapped
from protocols.scores import NAMES, Animal, Scored, score_animals
from protocols.statistics.result import Result, Role, p_text
from protocols.times import read_times
from rig.errors import ConfigError
from rig.storage.folder import make_private

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from protocols.statistics import GroupScores, Planned

NOTHING = "say which study (its folder), or which table of times, as in --table summary.csv"
BY_RANKS = ("wilcoxon", "wilcoxon_paired", "mann_whitney", "kruskal_wallis")
LATER = ("cpp_score_s", "proportion_of_initial", "reinstatement_score_s", "recovery")
SHOWN = (*NAMES, "ancova_residual")


def score(
    study: Path | None,
    path: Path | None,
    columns: Sequence[str],
    primary: str,
    figures: Path | None = None,
    by: str = "",
    *,
    as_json: bool,
) -> int:
    """Read, score, test, print, and draw where a folder for figures is given."""
    if study is not None and path is not None:
        raise ConfigError("--table", "", f"give a table or a study ({study}), not both")
    if study is not None:
        from protocols.cli import studyscores

        if columns:
            raise ConfigError("--column", "", "is for a table; a study's columns are its own")
        return studyscores.score(study, primary, figures, by, as_json=as_json)
    if by:
        raise ConfigError("--by", "", "is for a study")
    if path is None:
        raise ConfigError("--table", "", NOTHING)
    from protocols.statistics import NULLS, PRIMARY, all_tests, group_scores, plan_next

    primary = primary or PRIMARY
    if primary not in NULLS:
        raise ConfigError("--primary", "", f"{primary!r}: one of {', '.join(NULLS)}")
    table = read_times(path, _columns(columns))
    scored = score_animals(table.animals)
    groups = group_scores(scored)
    results = all_tests(table.animals, scored, primary)
    planned = plan_next(results)
    drawn = [] if figures is None else _draw(figures, table.animals, scored, primary)
    if as_json:
        print_json(
            {
                "file": table.file,
                "primary": primary,
                "notes": list(table.notes),
                "animals": [one.to_json() for one in scored],
                "groups": [one.to_json() for one in groups],
                "tests": [one.to_json() for one in results],
                "power": [one.to_json() for one in planned],
                **({} if figures is None else {"figures": [str(file) for file in drawn]}),
            }
        )
        return DONE
    for note in table.notes:
        print(wrapped(f"note: {note}", 0, 2))
    if table.notes:
        print()
    print_scores(scored, groups, results, planned, primary)
    if drawn:
        print("\nfigures")
        for file in drawn:
            print(f"  {file}")
    return DONE


def print_scores(
    scored: Sequence[Scored],
    groups: "Sequence[GroupScores]",
    results: Sequence[Result],
    planned: "Sequence[Planned]",
    primary: str,
) -> None:
    """Every animal's scores, the groups' primary score, the tests, and the next study."""
    named = any(one.group is not None for one in scored)
    for block in _blocks([_row(one, named=named) for one in scored], 1 + named):
        print(block + "\n")
    for phase in dict.fromkeys(name for one in scored for name in one.phases):
        print(f"{phase}\n{_phase(scored, phase)}\n")
    cells = [
        (
            one.group or "all animals",
            s.n,
            *(_text(v, primary) for v in (s.mean, s.sd, s.sem, s.low, s.high)),
        )
        for one in groups
        for s in (one.scores[primary],)
    ]
    print(lines(cells, ("group", "n", f"mean {primary}", "sd", "sem", "95 % from", "to")))
    _print_tests(results)
    if planned:
        print("\nthe next study")
        for plan in planned:
            print(wrapped(plan.sentence, 2, 4))


def _draw(
    folder: Path, animals: Sequence[Animal], scored: Sequence[Scored], primary: str
) -> list[Path]:
    """Write the figures that a table allows; gives the files."""
    from protocols.figures import table_figures

    return draw(folder, table_figures(animals, scored, primary))


def draw(folder: Path, drawings: Mapping[str, Callable[[], "Figure"]]) -> list[Path]:
    """Write figures by name; gives the files.

    Raises ConfigError where one of them is there already, StorageError.
    """
    from protocols.figures import FORMATS, write

    for name in drawings:
        for ending in FORMATS:
            if (folder / f"{name}.{ending}").exists():
                message = f"{folder / name}.{ending} is there already; name another folder"
                raise ConfigError("--figures", "", message)
    try:
        make_private(folder)
    except OSError as error:
        raise ConfigError("--figures", "", f"{folder}: {error.strerror}") from None
    drawn = []
    with progress("drawing") as told:
        for done, (name, made) in enumerate(drawings.items(), 1):
            drawn += write(made(), folder / name)
            told(done, len(drawings))
    return drawn


def _print_tests(results: Sequence[Result]) -> None:
    """The sentences, and what the primary tests take for granted."""
    for role in Role:
        told = [one for one in results if one.role == role]
        if role is Role.SECONDARY:  # what could not be tested is said of the primary score
            told = [one for one in told if not math.isnan(one.p) and one.test not in BY_RANKS]
        if told:
            print(f"\n{role}")
        for one in told:
            print(wrapped(f"{one.test}: {one.sentence}{_adjusted(one.p_adjusted)}", 2, 4))
    taken = dict.fromkeys(t for one in results if one.role == Role.PRIMARY for t in one.assumptions)
    if taken:
        print("\nthe primary tests take for granted that")
    for text in taken:
        print(wrapped(text, 2, 4))
    print(wrapped("--json has each test by ranks too, effect sizes, and what it takes for granted"))


def _columns(said: Sequence[str]) -> dict[str, str]:
    columns = {}
    for text in said:
        ours, equals, theirs = text.partition("=")
        if not (equals and ours.strip() and theirs.strip()):
            raise ConfigError("--column", "", f"{text!r}: write OURS=THEIRS, as in subject=Animal")
        columns[ours.strip()] = theirs.strip()
    return columns


def _row(one: Scored, *, named: bool) -> dict[str, str]:
    plain = one.to_json()
    return {
        "subject": one.subject,
        **({"group": one.group or "-"} if named else {}),
        "flags": " ".join(one.flags) or "-",
        **{name: _text(plain[name], name) for name in SHOWN},
    }


def _phase(scored: Sequence[Scored], phase: str) -> str:
    rows = []
    for one in scored:
        if phase in one.phases:
            plain = one.to_json()["phases"][phase]
            told = {True: "yes", False: "no", None: "-"}[one.phases[phase].extinguished]
            numbers = {name: _text(plain[name], name) for name in LATER}
            rows.append({"subject": one.subject, **numbers, "extinguished": told})
    return "\n\n".join(_blocks(rows, 1))


def _blocks(rows: Sequence[dict[str, str]], keys: int) -> Iterator[str]:
    """The rows as tables of at most 79 characters, each with the first `keys` columns.

    Columns that say nothing are left out.
    """
    names = [n for k, n in enumerate(rows[0]) if k < keys or any(row[n] != "-" for row in rows)]
    width = {name: max(len(name), *(len(row[name]) for row in rows)) + 2 for name in names}
    first, rest = names[:keys], names[keys:]
    while rest:
        taken: list[str] = []
        room = WIDTH + 2 - sum(width[name] for name in first)
        while rest and (not taken or width[rest[0]] <= room):
            room -= width[rest[0]]
            taken.append(rest.pop(0))
        shown = [*first, *taken]
        yield lines([[row[name] for name in shown] for row in rows], shown)


def _text(value: Any, name: str) -> str:
    """A number as it stands in a table: times and percents with one decimal, shares with four."""
    if value is None or math.isnan(value):
        return "-"
    share = not name.endswith(("_s", "_per_min")) and name not in (
        "percent_of_session",
        "ancova_residual",
    )
    return f"{value:.4f}" if share else f"{value:.1f}"


def _adjusted(p: float) -> str:
    return "" if math.isnan(p) else f"; corrected for several {p_text(p)}"
