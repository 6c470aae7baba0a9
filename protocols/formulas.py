"""Texts that a spreadsheet would calculate when a table of ours is opened with it. Pure.

Names and reasons come from other people and laboratories; `=HYPERLINK(...)` in a cell is not only
shown. A genotype as +/+ or -/- is none.
"""

import re

_FORMULA = re.compile(r"[\s\0]*(?:[=@]|[+-][^\n]*[(|!])")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would take it for a formula that does something."""
    return _FORMULA.match(text) is not None


def as_text(text: str) -> str:
    """A cell that stays text: one that is a formula gets an apostrophe before it."""
    return f"'{text}" if is_formula(text) else text
