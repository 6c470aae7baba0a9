"""Recompute the main table of this folder: python recompute.py.

Needs Python 3.9 or newer and nothing else. Reads tables/visits.csv and tables/sessions.csv, adds up
the seconds of every test by what its chambers were, computes the scores again, and compares them
with tables/animals.csv. Ends with 0 where all agree.
"""

import csv
import math
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NEAR = 1e-6

Rows = list[dict[str, str]]
Times = dict[str, float]


def main() -> int:
    """Print each animal's score, and what differs."""
    told = {row["subject"]: row for row in read("animals.csv")}
    seconds = add_up()
    differing = 0
    print("subject  cpp_score_s  preference_ratio_change")
    for subject, row in told.items():
        again = scores(seconds[subject]["pretest"], seconds[subject]["posttest"])
        print(f"{subject:8} {again['cpp_score_s']:11.3f} {again['preference_ratio_change']:24.6f}")
        for name, value in again.items():
            said = float(row[name]) if row[name] else math.nan
            if not (abs(said - value) <= NEAR or (math.isnan(said) and math.isnan(value))):
                print(f"  {name}: the table says {row[name] or 'nothing'}, recomputed {value!r}")
                differing += 1
    print("all agree" if not differing else f"{differing} differ")
    return 1 if differing else 0


def read(name: str) -> Rows:
    """The rows of a table."""
    with open(HERE / "tables" / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def add_up() -> dict[str, dict[str, Times]]:
    """Seconds by subject, phase and role; of several attempts the last counts."""
    sessions = {row["session"]: row for row in read("sessions.csv")}
    last: dict[tuple[str, str], str] = {}
    for row in sorted(sessions.values(), key=lambda row: row["began"]):
        last[row["subject"], row["phase"]] = row["session"]
    seconds: dict[str, dict[str, Times]] = {}
    for (subject, phase), session in last.items():
        times = {"paired": 0.0, "unpaired": 0.0, "neutral": 0.0}
        times["test"] = float(sessions[session]["test_s"])
        seconds.setdefault(subject, {})[phase] = times
    for visit in read("visits.csv"):
        key = visit["subject"], visit["phase"]
        if last[key] == visit["session"] and visit["role"]:
            seconds[key[0]][key[1]][visit["role"]] += float(visit["duration_s"])
    return seconds


def scores(pre: Times, post: Times) -> Times:
    """The scores of a post-test beside its pre-test."""

    def ratio(t: Times) -> float:
        both = t["paired"] + t["unpaired"]
        return t["paired"] / both if both else math.nan

    def log_ratio(t: Times) -> float:
        return math.log((t["paired"] + 1) / (t["unpaired"] + 1))

    difference = post["paired"] - post["unpaired"]
    both = post["paired"] + post["unpaired"]
    return {
        "cpp_score_s": post["paired"] - pre["paired"],
        "paired_minus_unpaired_s": difference,
        "delta_difference_s": difference - (pre["paired"] - pre["unpaired"]),
        "preference_index": difference / both if both else math.nan,
        "preference_ratio": ratio(post),
        "preference_ratio_change": ratio(post) - ratio(pre),
        "percent_of_session": 100 * post["paired"] / post["test"],
        "normalised": post["paired"] / pre["paired"] if pre["paired"] else math.nan,
        "log_ratio": log_ratio(post),
        "log_ratio_change": log_ratio(post) - log_ratio(pre),
        "rate_paired_s_per_min": 60 * post["paired"] / post["test"],
    }


if __name__ == "__main__":
    sys.exit(main())
