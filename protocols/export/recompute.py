"""Recompute the main table of this folder: python recompute.py.

Needs Python 3.9 or newer and nothing else. Reads tables/visits.csv and tables/sessions.csv, adds up
the seconds of every test by what its chambers were, computes the scores again, and compares them
with tables/animals.csv; where the study's rules scored a part of each test (tables/scores.csv),
that too. Ends with 0 where all agree.
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
    differing = compare("animals.csv", add_up())
    if (HERE / "tables" / "scores.csv").exists():
        print("by the rules of the study, over their window")
        differing += compare("scores.csv", add_up(window=True))
    print("all agree" if not differing else f"{differing} differ")
    return 1 if differing else 0


def compare(table: str, seconds: dict[str, dict[str, Times]]) -> int:
    """Print each animal's score of a table computed again; how many numbers differ."""
    differing = 0
    print("subject  cpp_score_s  preference_ratio_change")
    for row in read(table):
        subject = row["subject"]
        again = scores(seconds[subject]["pretest"], seconds[subject]["posttest"])
        print(f"{subject:8} {again['cpp_score_s']:11.3f} {again['preference_ratio_change']:24.6f}")
        for name, value in again.items():
            said = float(row[name]) if row[name] else math.nan
            if not (abs(said - value) <= NEAR or (math.isnan(said) and math.isnan(value))):
                print(f"  {name}: the table says {row[name] or 'nothing'}, recomputed {value!r}")
                differing += 1
    return differing


def read(name: str) -> Rows:
    """The rows of a table."""
    with open(HERE / "tables" / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def add_up(window: bool = False) -> dict[str, dict[str, Times]]:
    """Seconds by subject, phase and role, in the window or in all; the last attempt counts."""
    sessions = {row["session"]: row for row in read("sessions.csv")}
    last: dict[tuple[str, str], str] = {}
    for row in sorted(sessions.values(), key=lambda row: row["began"]):
        last[row["subject"], row["phase"]] = row["session"]
    windows = (
        {row["subject"]: float(row["window_s"]) for row in read("scores.csv")} if window else {}
    )
    ends: dict[str, float] = {}
    seconds: dict[str, dict[str, Times]] = {}
    for (subject, phase), session in last.items():
        times = {"paired": 0.0, "unpaired": 0.0, "neutral": 0.0}
        times["test"] = float(sessions[session]["test_s"])
        end = sessions[session].get("window_end_s") if window else ""
        ends[session] = float(end) if end else math.inf
        if end and subject in windows:
            times["test"] = min(times["test"], float(end))
        seconds.setdefault(subject, {})[phase] = times
    for visit in read("visits.csv"):
        key = visit["subject"], visit["phase"]
        if last[key] == visit["session"] and visit["role"]:
            start, end_s = float(visit["start_s"]), float(visit["end_s"])
            inside = min(end_s, ends[visit["session"]]) - start
            seconds[key[0]][key[1]][visit["role"]] += max(0.0, inside)
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
        "split_neutral_s": post["paired"] + post["neutral"] / 2,
        "normalised": post["paired"] / pre["paired"] if pre["paired"] else math.nan,
        "log_ratio": log_ratio(post),
        "log_ratio_change": log_ratio(post) - log_ratio(pre),
        "rate_paired_s_per_min": 60 * post["paired"] / post["test"],
    }


if __name__ == "__main__":
    sys.exit(main())
