"""The scores that can be tested against nothing learned. Pure."""

NULLS = {
    "cpp_score_s": 0.0,
    "delta_difference_s": 0.0,
    "preference_ratio_change": 0.0,
    "log_ratio_change": 0.0,
    "paired_minus_unpaired_s": 0.0,
    "preference_index": 0.0,
    "preference_ratio": 0.5,
    "log_ratio": 0.0,
}
"""What each score is where nothing was learned; the others have no such value."""
