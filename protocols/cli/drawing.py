"""`study draw`: the preparer's sheet and the labels, on paper alone."""

import sys
from collections.abc import Sequence
from pathlib import Path

from protocols import study as verbs
from protocols.cli.exits import DONE
from protocols.cli.studying import passphrases_of
from protocols.cli.table import wrapped
from protocols.cli.who import moment, signed, witnessed
from protocols.study.sheet import open_sheet, outside, put


def draw(
    folder: Path,
    by: str,
    out: Path,
    day: str | None,
    lots: Sequence[str],
    passphrases: Path | None,
    pins: Path | None,
    witness: str | None = None,
) -> int:
    """Write the sheet, and what is drawn of controlled drugs into their book."""
    outside(folder, out)
    with verbs.open_study(folder) as opened:
        by = signed(opened, by, pins)
        saw = witnessed(opened, by, witness, pins)
        words = passphrases_of([by], passphrases)[by]
        made = open_sheet(opened, by, words, moment(None), day=day, lots=lots, witness=saw)
    if made.unbooked:
        print(wrapped(f"NOT in the book of controlled drugs: {made.unbooked}"), file=sys.stderr)
    put(made, folder, out)
    print(f"{made.labels} labels of {made.day} in {out}: print it and delete it")
    for line in made.booked:
        print(line)
    print(f"{by} knows now what these animals get: another person tests and scores them")
    return DONE
