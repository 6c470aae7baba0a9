"""Preference scores across sessions. Pure. Names and formulas: science notes, section 3.1."""


def cpp_score_s(paired_pre_s: float, paired_post_s: float) -> float:
    """S1, the place-preference score: seconds in the paired chamber, post-test less pre-test."""
    return paired_post_s - paired_pre_s
