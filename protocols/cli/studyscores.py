"""`score STUDY`: a study's scores by its locked rules, or what may be told before unblinding."""

import sys
from pathlib import Path

from protocols.cli.exits import DONE
from protocols.cli.scores import draw, print_scores
from protocols.cli.table import lines, print_json, progress, wrapped
from protocols.scoring.scored import StudyScores, by_chamber, score_folder
from rig.errors import ConfigError

MOST_NOTES = 12


def score(folder: Path, primary: str, figures: Path | None, by: str, *, as_json: bool) -> int:
    """Find, measure, score, test, print, and draw where a folder for figures is given."""
    if by:
        _warn(folder, by)
    with progress("measuring") as told:
        found = score_folder(folder, primary, told)
    if figures is not None and found.blinded:
        raise ConfigError("--figures", "", f"nothing is drawn yet: {found.why_blinded}")
    drawn = _drawn(found, figures) if figures is not None else []
    if as_json:
        files = {} if figures is None else {"figures": [str(file) for file in drawn]}
        print_json({**found.to_json(), **files})
        return DONE
    for note in found.notes[:MOST_NOTES]:
        print(wrapped(f"note: {note}", 0, 2))
    if len(found.notes) > MOST_NOTES:
        print(f"note: {len(found.notes) - MOST_NOTES} more; --json has all")
    print(wrapped(f"rules: {found.rules.why}", 0, 2))
    if found.blinded:
        print(wrapped(f"blinded: {found.why_blinded}", 0, 2) + "\n")
        _print_chambers(found)
        return DONE
    if not found.animals:
        print("no animal has both a pre-test and a post-test yet")
        return DONE
    _print_found(found)
    if drawn:
        print("\nfigures")
        for file in drawn:
            print(f"  {file}")
    return DONE


def _warn(folder: Path, by: str) -> None:
    """Say whose group a scorer may know: who prepared an animal's syringes does not score it."""
    from protocols.study import open_study
    from protocols.study.people import known_to

    with open_study(folder, write=False) as study:
        found = known_to(study, by)
    for how in dict.fromkeys(found.values()):
        animals = ", ".join(animal for animal, its in found.items() if its == how)
        told = f"{by} {how.replace('its', 'the', 1)} of {animals}: let another person score them"
        print(f"placepref: {told}", file=sys.stderr)


def _print_found(found: StudyScores) -> None:
    from protocols.statistics import group_scores, plan_next

    primary = found.rules.primary
    window = "" if found.rules.window_s is None else f", first {found.rules.window_s:g} s"
    print(f"primary score: {primary}{window}")
    if found.rules.asked:
        said = f"{found.rules.asked} was asked for; the rules name {primary}"
        print(wrapped(f"{said}, so it stands under secondary", 0, 2))
    print()
    print_scores(
        found.scored, group_scores(found.scored), found.tests, plan_next(found.tests), primary
    )
    rows = []
    for one in found.scored:
        told = found.measured[one.subject]
        low, high = told.ranges[primary]
        rows.append((one.subject, getattr(one.scores, primary), low, high, told.window_s))
    print(f"\nhow far {primary} depends on entry rule, lines (5 mm) and time not seen")
    print(lines(rows, ("subject", primary, "lowest", "highest", "window s")))


def _print_chambers(found: StudyScores) -> None:
    rows = by_chamber(found)
    if not rows:
        print("no test was completed yet")
        return
    names = dict.fromkeys(name for row in rows for name in row)
    cells = [
        [" ".join(v) or "-" if isinstance(v := row.get(name), list) else v for name in names]
        for row in rows
    ]
    print(lines(cells, list(names)))


def _drawn(found: StudyScores, folder: Path) -> list[Path]:
    from protocols.scoring.drawing import study_figures

    return draw(folder, study_figures(found)) if found.animals else []
