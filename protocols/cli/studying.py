"""`study ...`: what its commands do."""

import getpass
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from protocols import study as verbs
from protocols.allocation.model import RISKS
from protocols.asking import protocol_text
from protocols.cli.exits import DONE, FAILED
from protocols.cli.table import lines, print_json, wrapped
from protocols.cli.who import day_of, scanned, signed
from protocols.manifest import spreadsheet
from protocols.study.second import kept_of, lines_of
from rig.errors import ConfigError, StorageError


def new(
    folder: Path,
    protocol: str,
    rules: Path,
    by: str,
    holders: Sequence[str],
    preparers: Sequence[str],
    sheet: Path | None,
    passphrases: Path | None,
) -> int:
    """Begin a study."""
    text, file, base = protocol_text(protocol)
    try:
        rules_text = rules.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(rules), "", f"cannot be read: {error}") from None
    if sheet is not None and sheet.exists():
        raise ConfigError("--sheet", "", f"{sheet}: is there already; nothing is overwritten")
    if sheet is not None and sheet.absolute().is_relative_to(folder.absolute()):
        raise ConfigError("--sheet", "", "in the study's own folder it locks nothing; print it")
    if len(set(holders)) < len(holders):
        raise ConfigError("--holder", "", "a holder is named twice")
    # Before anybody is asked for a passphrase.
    if len(holders) + (sheet is not None) < 2:
        message = "one holder alone: name two (--holder), or one and a recovery sheet (--sheet)"
        raise ConfigError("--holder", "", message)
    if both := set(holders) & set(preparers):
        message = f"{', '.join(both)}: holds the key, and so can open what labels hold too"
        raise ConfigError("--preparer", "", message)
    words = passphrases_of(holders, passphrases, twice=True)
    theirs = passphrases_of(preparers, passphrases, twice=True)
    code = verbs.new(
        folder,
        text,
        rules_text,
        by,
        words,
        sheet=sheet is not None,
        rules_file=str(rules),
        protocol_file=file,
        base=base,
        preparers=theirs,
    )
    if sheet is not None and code is not None:
        try:
            sheet.write_text(
                f"Recovery sheet of the study in {folder.name}\n\n    {code}\n\nWhoever has this "
                "opens the key, as holder recovery. Print it, lock it away, delete this file.\n",
                encoding="utf-8",
            )
        except OSError as error:
            message = f"{sheet} cannot be written: {error.strerror}; begin the study again"
            raise StorageError(message) from error
        print(f"print {sheet}, lock it away, and delete the file")
    if share := verbs.lives_elsewhere(folder):
        print(wrapped(share))
    print(f"begun in {folder}: add boxes, people and animals with placepref study add")
    return DONE


def add(
    folder: Path,
    by: str,
    animals: Path | None,
    person: str | None,
    roles: Sequence[str],
    box: str | None,
    rig: str | None,
    pins: Path | None = None,
    *,
    pin: bool,
    badge: bool,
) -> int:
    """Put in animals, a person or a box."""
    if sum(one is not None for one in (animals, person, box)) != 1:
        raise ConfigError("study add", "", "give one of --animals, --person and --box")
    with verbs.open_study(folder) as opened:
        by = signed(opened, by, pins)
        if animals is not None:
            count, said = verbs.add_animals(opened, animals, by)
            for line in said:
                print(f"placepref: {animals}: {line}", file=sys.stderr)
            print(f"{count} animals added, each with a planned {opened.plan.pretest}")
        elif person is not None:
            words = secret(f"PIN of {person}") if pin else None
            card = scanned() if badge else None
            verbs.add_person(opened, person, roles, words, by, card)
            print(f"{person} added: {', '.join(roles)}")
        elif box is not None:
            verbs.add_box(opened, box, rig, by)
            print(f"box {box} added")
    return DONE


def allocate(
    folder: Path,
    by: str,
    pretest: Path | None,
    over_gate: str,
    holder: str | None,
    passphrases: Path | None,
    pins: Path | None = None,
    *,
    as_json: bool,
) -> int:
    """Draw and seal."""
    with verbs.open_study(folder) as opened:
        by = signed(opened, by, pins)
        rows = pretest_rows(opened, pretest)
        pair = None
        if holder is not None:
            pair = holder, passphrases_of([holder], passphrases)[holder]
        done = verbs.allocate_cohort(opened, by, rows, pair, over_gate)
        risk = RISKS[opened.plan.design]
    if as_json:
        print_json(
            {
                "cohort": done.cohort,
                "animals": done.animals,
                "sha256": done.sha256,
                "gate": {"go": done.verdict.go, "why": done.verdict.why},
                "excluded": [[one.animal, one.rule, one.value, one.limit] for one in done.excluded],
                "constraints": [[one.key, one.met, one.worst, one.where] for one in done.checks],
            }
        )
        return DONE
    print(wrapped(f"gate: {done.verdict.why}"))
    for one in done.excluded:
        print(f"excluded: {one.animal}: {one.rule} {one.value:.3g} (limit {one.limit:g})")
    head = list(done.balance[0])
    print(lines([[row.get(name, "") for name in head] for row in done.balance], head))
    unmet = [one for one in done.checks if not one.met]
    for check in unmet:
        print(
            f"not kept: {check.key}: off by {check.worst:g} in {check.where} "
            f"(yields {check.rank} of {len(done.checks)})"
        )
    if not unmet:
        print(f"all {len(done.checks)} constraints are kept")
    if risk:
        print(wrapped(f"{opened.plan.design}: {risk}"))
    print(f"cohort {done.cohort}: {done.animals} animals allocated and sealed")
    print(f"SHA-256 {done.sha256}")
    return DONE


_PER_SIDE = (("time", "_s"), ("entries", ""))


def seal(
    folder: Path,
    by: str,
    holder: str,
    passphrases: Path | None,
    begin: str | None = None,
    pins: Path | None = None,
) -> int:
    """Plan sessions and labels."""
    with verbs.open_study(folder) as opened:
        by = signed(opened, by, pins)
        words = passphrases_of([holder], passphrases)[holder]
        day = date.today() if begin is None else day_of(begin, "--begin")
        count = verbs.seal_sessions(opened, by, (holder, words), day)
        per_kg = opened.plan.ml_per_kg(str(folder / verbs.RULES)) if count else 0.0
    if count:
        print(f"{count} labels, one a session, each {per_kg:g} ml/kg; what they hold is sealed")
    else:
        print("every allocated animal has its sessions already; nothing was changed")
    return DONE


def unblind(
    folder: Path,
    by: str,
    holder: str,
    reason: str,
    animal: str | None,
    passphrases: Path | None,
    pins: Path | None = None,
    *,
    as_json: bool,
) -> int:
    """Open the key."""
    with verbs.open_study(folder) as opened:
        by = signed(opened, by, pins)
        words = passphrases_of([holder], passphrases)[holder]
        rows = verbs.unblind(opened, by, reason, (holder, words), animal)
    if as_json:
        print_json(rows)
        return DONE
    head = ("animal", "group", "side", "cue", "order", "slot", "box", "cohort")
    print(lines([[row[name] for name in head] for row in rows], head))
    return DONE


def revise(folder: Path, protocol: str, reason: str, by: str, pins: Path | None) -> int:
    """A new version of the protocol."""
    text, file, base = protocol_text(protocol)
    with verbs.open_study(folder) as opened:
        by = signed(opened, by, pins)
        old, new = verbs.revise(opened, text, by, reason, file, base)
    print(f"version {new} of the protocol from now on; version {old} is kept in backup/")
    return DONE


def status(folder: Path, *, as_json: bool) -> int:
    """How far it is."""
    with verbs.open_study(folder, write=False) as opened:
        told = verbs.status(opened)
        kept = kept_of(opened)
    if as_json:
        print_json({**told, "second_place": kept.to_json()})
        return DONE
    print(f"{told['name']}: {told['protocol']}, {told['design']}")
    if told["why_read_only"]:
        print(wrapped(f"for reading only: {told['why_read_only']}", 0, 2))
    for what in ("animals", "sessions"):
        counts = ", ".join(f"{n} {word}" for word, n in sorted(told[what].items()))
        print(f"{what}: {counts or 'none'}")
    print(f"people: {told['people']}; the key is held by {', '.join(told['holders'])}")
    for one in told["allocations"]:
        what = f"{one['animals']} animals allocated"
        if one["substitute"]:
            what = "a substitute in a free place"
        print(f"allocation {one['cohort']}: {what}, {one['sha256']}")
    if told["excluded"]:
        print(f"excluded: {', '.join(told['excluded'])}")
    if told["deviations"]:
        counts = ", ".join(f"{n} {word}" for word, n in sorted(told["deviations"].items()))
        print(f"not as planned: {counts}")
    for one in told["not_as_planned"]:
        print(wrapped(f"{one['animal']} {one['phase']}: {one['what']} ({one['reason']})", 2, 4))
    for outcome in ("goes on", "done", "not acquired"):
        its = told["extinction"]
        names = [animal for animal in its if its[animal].partition(" (")[0] == outcome]
        if names:
            print(f"extinction {outcome}: {', '.join(sorted(names))}")
    for line in told["intervals"]:
        print(wrapped(line))
    for animal, rules in told["out_by_rules"].items():
        remedy = f"its owner: placepref study ledger {folder} --apply"
        print(wrapped(f"{animal} is out by its rules ({', '.join(rules)}): {remedy}", 0, 2))
    print(f"the key was opened {told['key_opened']} times, refused {told['wrong_passphrases']}")
    for line in lines_of(kept.found, kept.place, away=kept.away):
        print(wrapped(line, 0, 2))
    return DONE


def check(
    folder: Path,
    holders: Sequence[str],
    by: str,
    passphrases: Path | None,
    *,
    as_json: bool,
) -> int:
    """Verify it; with a file of passphrases and no holder named, all of the file prove theirs."""
    with verbs.open_study(folder) as opened:
        if passphrases is not None and not holders:
            words = _words_in(passphrases)  # all whom the file names
        else:
            words = passphrases_of(holders, passphrases)
        faults = verbs.check(opened, words, by or "check")
        if opened.store.why:
            faults.insert(0, f"{opened.store.name}: read only: {opened.store.why}")
    if as_json:
        print_json({"faults": faults, "proved": sorted(words)})
    elif not faults:
        proved = f"; {', '.join(words)} can open the key, which stayed closed" if words else ""
        print(f"trail, tables, key and folders agree{proved}")
    for fault in faults:
        print(f"placepref: {fault}", file=sys.stderr)
    return FAILED if faults else DONE


def pretest_rows(opened: verbs.Study, pretest: Path | None) -> list[dict[str, str]]:
    """Pre-tests from a table, or from the study's own sessions."""
    if pretest is None:
        return verbs.pretests_of(opened)
    sides = opened.plan.sides
    columns = ("subject", "test_s", "time_lost_s", "first_cue", "phase", "box", "distance_m")
    per_side = tuple(f"{what}_{s}{u}" for s in sides for what, u in _PER_SIDE)
    needed = ("subject", "test_s", *(f"time_{side}_s" for side in sides))
    return [cells for _, cells in spreadsheet(pretest, (*columns, *per_side), needed)]


def passphrases_of(
    holders: Sequence[str], file: Path | None, *, twice: bool = False
) -> dict[str, str]:
    """Each holder's passphrase, from a file or the terminal, never from the command line."""
    if file is None:
        return {name: secret(f"Passphrase of {name}", twice=twice) for name in holders}
    found = _words_in(file)
    for name in holders:
        if name not in found:
            raise ConfigError(str(file), name, 'has no line "NAME: PASSPHRASE"')
    return {name: found[name] for name in holders}


def _words_in(file: Path) -> dict[str, str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(file), "", f"cannot be read: {error}") from None
    found = {}
    for line in text.splitlines():
        name, colon, words = line.partition(":")
        if colon:
            found[name.strip()] = words.strip()
    return found


def secret(what: str, *, twice: bool = False) -> str:
    """What a person types unseen. Raises ConfigError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise ConfigError("--passphrases", "", f"{what}: nobody can be asked here; give a file")
    words = getpass.getpass(f"{what}: ")
    if twice and getpass.getpass("again: ") != words:
        raise ConfigError("--holder", "", f"{what}: the two do not agree; nothing was changed")
    return words
