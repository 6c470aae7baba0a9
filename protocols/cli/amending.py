"""`study amend DIR ...`, `admit`, `ledger`, `lock`: what they do."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from protocols import study as verbs
from protocols.cli.exits import DONE
from protocols.cli.studying import passphrases_of, pretest_rows
from protocols.cli.table import lines, print_json
from protocols.cli.who import day_of, signer
from protocols.conduct import EndedEarly
from protocols.study import amending, exposure, locking
from protocols.study.deciding import extinction
from protocols.study.shifting import Moved
from rig.errors import ConfigError

Word = TypeVar("Word", bound=StrEnum)


def withdraw(
    folder: Path, animal: str, why: str, reason: str, by: str, on: str, pins: Path | None
) -> int:
    """Withdraw an animal."""
    word = _word(amending.Why, why)
    with verbs.open_study(folder) as opened:
        by, pin = signer(opened, by, pins)
        left = amending.withdraw(opened, animal, word, reason, by, on=on, pin=pin)
    _say_left(animal, "withdrawn", left)
    return DONE


def exclude(folder: Path, animal: str, rule: str, reason: str, by: str, pins: Path | None) -> int:
    """Exclude an animal."""
    with verbs.open_study(folder) as opened:
        by, pin = signer(opened, by, pins)
        left = amending.exclude_animal(opened, animal, rule, reason, by, pin=pin)
    _say_left(animal, "excluded", left)
    return DONE


def substitute(
    folder: Path,
    animal: str,
    by: str,
    holder: str,
    pretest: Path | None,
    passphrases: Path | None,
    pins: Path | None,
) -> int:
    """Give an animal a free place."""
    with verbs.open_study(folder) as opened:
        rows = pretest_rows(opened, pretest)
        by, pin = signer(opened, by, pins)
        pair = holder, passphrases_of([holder], passphrases)[holder]
        whose, labels = amending.take_place(opened, animal, by, rows, pair, pin=pin)
    print(f"{animal} stands for {whose}, in its place, which nobody was shown")
    if labels:
        print(f"{labels} labels, one a session; what they hold is sealed")
    return DONE


def session(
    folder: Path,
    which: str,
    animal: str | None,
    phase: str | None,
    box: str | None,
    reason: str,
    by: str,
    begin: str | None,
    pins: Path | None,
) -> int:
    """File a session elsewhere."""
    if animal is None and phase is None and box is None:
        raise ConfigError("amend session", "", "give one of --animal, --phase and --box")
    with verbs.open_study(folder) as opened:
        by, pin = signer(opened, by, pins)
        was = extinction(opened)
        uid, moved = amending.reattribute(
            opened, which, by, reason, animal=animal, phase=phase, box=box,
            begin=_day(begin, "--begin"), pin=pin,
        )  # fmt: skip
        now = extinction(opened)
    print(f"filed as session {uid}; what it was filed as before is to be run again")
    _say_outcomes(was, now)
    _say_moved(moved)
    return DONE


def swap(
    folder: Path,
    first: str,
    second: str,
    reason: str,
    by: str,
    begin: str | None,
    pins: Path | None,
) -> int:
    """Exchange two."""
    with verbs.open_study(folder) as opened:
        by, pin = signer(opened, by, pins)
        day = _day(begin, "--begin")
        was = extinction(opened)
        moved = amending.swap(opened, first, second, by, reason, begin=day, pin=pin)
        now = extinction(opened)
    print("the two sessions have changed places; their folders stay and carry the amendment")
    _say_outcomes(was, now)
    _say_moved(moved)
    return DONE


def ended(
    folder: Path,
    which: str,
    ended_as: str,
    reason: str,
    by: str,
    holder: str | None,
    on: str | None,
    passphrases: Path | None,
    pins: Path | None,
) -> int:
    """What becomes of a session."""
    word = _word(EndedEarly, ended_as) if ended_as else None
    with verbs.open_study(folder) as opened:
        by, pin = signer(opened, by, pins)
        pair = None
        if holder is not None:
            pair = holder, passphrases_of([holder], passphrases)[holder]
        day = _day(on, "--on")
        was = extinction(opened)
        done = amending.judge_ended(opened, which, by, reason, word, holder=pair, on=day, pin=pin)
        now = extinction(opened)
        rule = opened.plan.attempts
    print(f"{done.ended_as}" + ("" if done.by_rule else f" (the rule is {rule.ended_early}: kept)"))
    if done.again:
        label = f", label {done.label}" if done.label else ", without a label"
        print(f"planned once more{label}; of several the study counts {rule.counts}")
    _say_outcomes(was, now)
    _say_moved(done.moved)
    return DONE


def injection(
    folder: Path,
    label: str,
    outcome: str,
    ml: float | None,
    at: str,
    animal: str | None,
    reason: str,
    by: str,
    pins: Path | None,
) -> int:
    """Keep an injection."""
    word = _word(amending.Outcome, outcome)
    with verbs.open_study(folder) as opened:
        by, pin = signer(opened, by, pins)
        who = amending.note_injection(
            opened, label, word, by, received_ml=ml, at=at, animal=animal, reason=reason, pin=pin
        )
    print(f"{label}: {word}, {who}")
    return DONE


def enter(
    folder: Path,
    animal: str,
    phase: str,
    started: str,
    ended: str,
    ran_by: str,
    minutes: Sequence[str],
    box: str | None,
    reason: str,
    by: str,
    begin: str | None,
    pins: Path | None,
) -> int:
    """Enter a session afterwards."""
    spent = {}
    for text in minutes:
        chamber, _, number = text.partition("=")
        try:
            spent[chamber] = float(number)
        except ValueError:
            raise ConfigError("--minutes", "", f"{text!r}: write CHAMBER=MIN") from None
    with verbs.open_study(folder) as opened:
        by, pin = signer(opened, by, pins)
        was = extinction(opened)
        uid, moved = amending.enter(
            opened, animal, phase, started, ended, ran_by, by, reason, minutes=spent, box=box,
            begin=_day(begin, "--begin"), pin=pin,
        )  # fmt: skip
        now = extinction(opened)
    print(f"entered afterwards as session {uid}")
    _say_outcomes(was, now)
    _say_moved(moved)
    return DONE


def admit(folder: Path, by: str, holder: str, passphrases: Path | None) -> int:
    """Let this account in."""
    with verbs.open_study(folder) as opened:
        words = passphrases_of([holder], passphrases)[holder]
        where = verbs.admit(opened, by, (holder, words))
    print(f"this account can score the study; its key is {where}")
    return DONE


def ledger(folder: Path, subject: str | None, by: str, *, apply: bool, as_json: bool) -> int:
    """What was received."""
    if apply and not by:
        raise ConfigError("--by", "", "missing: who excludes them")
    with verbs.open_study(folder, write=apply) as opened:
        rows = exposure.ledger(opened, subject)
        out = exposure.apply(opened, by) if apply else exposure.judge(opened, rows)
    if subject is not None and not apply:
        out = {animal: found for animal, found in out.items() if animal == subject}
    if as_json:
        rules = {animal: [one._asdict() for one in found] for animal, found in out.items()}
        print_json({"lines": [one._asdict() for one in rows], "out": rules})
        return DONE
    head = ("animal", "at", "phase", "what", "planned", "received", "before s", "how")
    print(lines([_cells(one) for one in rows], head))
    for animal, found in out.items():
        for one in found:
            done = "excluded" if apply else "is out"
            print(f"{animal} {done}: {one.rule} {one.value:.3g} (limit {one.limit:g})")
    return DONE


def lock(folder: Path, by: str, primary: str | None, files: Sequence[Path]) -> int:
    """Lock the analysis."""
    with verbs.open_study(folder) as opened:
        score, digest = locking.lock(opened, by, primary, files)
    print(f"the analysis is locked: {score}, SHA-256 {digest}")
    return DONE


def _cells(one: exposure.Line) -> list[str]:
    phase = one.phase + (f" ({one.attempt})" if one.attempt > 1 else "")
    unit = "ml" if one.kind == "label" else "min"
    planned = "" if one.planned is None else f"{one.planned:.2f} {unit}"
    received = "" if one.received is None else f"{one.received:.2f} {unit}"
    before = "" if one.before_placement_s is None else f"{one.before_placement_s:.0f}"
    at = one.at[:16].replace("T", " ")
    return [one.animal, at, phase, one.what, planned, received, before, one.amiss or one.outcome]


def _say_left(animal: str, how: str, left: amending.Left) -> None:
    print(f"{animal} is {how}; {left.cancelled} sessions to come are cancelled")
    if left.running:
        print(f"{animal} is in a box still: that session goes on until it is ended there")


def _say_outcomes(was: Mapping[str, str], now: Mapping[str, str]) -> None:
    """What extinction says of each animal now, where it said another thing before."""
    for animal in dict.fromkeys((*was, *now)):
        before, after = was.get(animal, "to be tested"), now.get(animal, "to be tested")
        if before != after:
            print(f"{animal}: extinction was {before}, now {after}")


def _say_moved(moved: Sequence[Moved]) -> None:
    if moved:
        print("days laid out anew:")
        print(lines(moved, ("animal", "session", "was", "is")))


def _day(text: str | None, option: str) -> date | None:
    return None if text is None else day_of(text, option)


def _word(kind: type[Word], text: str) -> Word:
    try:
        return kind(text)
    except ValueError:
        raise ConfigError("--as", "", f"{text!r}: one of {', '.join(kind)}") from None
