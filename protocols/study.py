"""A study in its folder: begun, filled, allocated, sealed, opened again, looked over.

    study.toml protocol.toml study.sqlite key.sealed rawdata/ derivatives/ backup/

Each verb is one transaction with its trail. What is sealed is written to the key first and told
in the database after it, so that a crash between them leaves a part that nobody counts.
"""

import csv
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from protocols import blinding, planning, protocol, subjects
from protocols.allocation import (
    ALGORITHM,
    Candidate,
    Check,
    Dice,
    Exclusion,
    Outcome,
    Place,
    Verdict,
    allocate,
    exclude,
    freeze,
    judge,
    minimise,
    table,
)
from protocols.allocation.model import DRUG_FIRST
from protocols.blinding import Key, Opened, WrongPassphraseError
from protocols.planning import Planning
from protocols.store import ROLES, Change, Store, create, hash_pin, open_store, to_url, verify
from protocols.store import tables as t
from protocols.store.opening import backup
from rig.errors import ConfigError, RigError, StorageError
from rig.storage.folder import SUMS, replace

RULES, PROTOCOL, KEY = "study.toml", "protocol.toml", "key.sealed"


@dataclass(frozen=True)
class Study(AbstractContextManager["Study"]):
    """An open study; leaving it lets the database go."""

    folder: Path
    plan: Planning
    protocol: protocol.Protocol
    store: Store

    def __exit__(self, *_: object) -> None:
        self.store.close()

    @property
    def key(self) -> Key:
        """The sealed key as it is now. Raises ConfigError."""
        path = self.folder / KEY
        if not path.is_file():
            message = "is not there: without it the study cannot be unblinded; put back a copy"
            raise ConfigError(str(path), "", message)
        return blinding.read_key(path.read_text(encoding="utf-8"), str(path))


@dataclass(frozen=True)
class Allocated:
    """What an allocation tells in the open."""

    cohort: int
    animals: int
    sha256: str
    verdict: Verdict
    excluded: tuple[Exclusion, ...]
    checks: tuple[Check, ...]
    balance: tuple[Mapping[str, str], ...]


def new(
    folder: Path,
    protocol_text: str,
    rules_text: str,
    owner: str,
    passphrases: Mapping[str, str],
    *,
    sheet: bool,
    rules_file: str = RULES,
    protocol_file: str = PROTOCOL,
) -> str | None:
    """Begin a study in `folder`, which is made; the recovery sheet's words, if one was asked for.

    Raises ConfigError for a folder that holds a study, rules that cannot be used, or a key that one
    person alone could open; nothing is left half-made then.
    """
    made = protocol.parse(protocol_text, protocol_file)
    plan = planning.parse(rules_text, rules_file, [phase.name for phase in made.phase])
    for name in (RULES, PROTOCOL, KEY, "study.sqlite"):
        if (folder / name).exists():
            raise ConfigError(str(folder), "", f"holds a study already: {name}")
    key, words = blinding.new_key(passphrases, sheet=sheet)
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    try:
        with create(to_url(folder, plan.database or None)) as store:
            with store.change(owner, "a new study") as change:
                change.insert(
                    t.study,
                    uid=secrets.token_hex(8),
                    name=plan.name,
                    protocol=made.name,
                    protocol_version=made.version,
                    protocol_sha256=_sha256(protocol_text),
                    rules_sha256=_sha256(rules_text),
                    created=change.at,
                )
                change.insert(t.person, name=owner, roles="owner", active=1)
                for name, text in (
                    (RULES, rules_text),
                    (PROTOCOL, protocol_text),
                    (KEY, key.text()),
                ):
                    written.append(folder / name)
                    replace(folder / name, text.encode())
        for name in ("rawdata", "derivatives", "backup"):
            (folder / name).mkdir(exist_ok=True)
    except BaseException:
        for path in (*written, *folder.glob("study.sqlite*")):
            path.unlink(missing_ok=True)
        raise
    return words


def open_study(folder: Path, *, write: bool = True) -> Study:
    """The study in `folder`. Raises ConfigError, also for rules that were edited since it began."""
    texts = {}
    for name in (RULES, PROTOCOL):
        try:
            texts[name] = (folder / name).read_bytes().decode()
        except FileNotFoundError:
            raise ConfigError(str(folder), "", f"is no study: it holds no {name}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(str(folder / name), "", f"cannot be read: {error}") from None
    made = protocol.parse(texts[PROTOCOL], str(folder / PROTOCOL))
    phases = [phase.name for phase in made.phase]
    plan = planning.parse(texts[RULES], str(folder / RULES), phases)
    store = open_store(to_url(folder, plan.database or None), write=write)
    try:
        with store.read() as connection:
            kept = connection.execute(select(t.study)).mappings().first()
        if kept is None:
            raise ConfigError(store.name, "", "holds no study")
        for name, column in ((RULES, "rules_sha256"), (PROTOCOL, "protocol_sha256")):
            if _sha256(texts[name]) != kept[column]:
                message = (
                    "was edited after the study began; put back the text of then "
                    f"(SHA-256 {kept[column][:12]}...)"
                )
                raise ConfigError(str(folder / name), "", message)
        if write and not store.why:
            backup(folder, f"{date.today():%Y%m%d}")
    except BaseException:
        store.close()
        raise
    return Study(folder, plan, made, store)


def add_animals(study: Study, path: Path, person: str) -> tuple[int, list[str]]:
    """Put in the animals of a table, with a pre-test each; how many, and how it was read."""
    with study.store.change(person, f"animals of {path.name}") as change:
        _allowed(change, person, ("technician", "owner"))
        known = list(change.connection.execute(select(t.animal.c.id)).scalars())
        boxes = set(change.connection.execute(select(t.box.c.name)).scalars())
        groups = [group.name for group in study.plan.group]
        found, said = subjects.read(path, groups, known, date.today())
        cohorts = change.connection.execute(select(func.max(t.allocation.c.cohort))).scalar() or 0
        for place, subject in enumerate(found):
            box = subject.columns.get("box")
            if box and box not in boxes:
                boxes.add(box)
                change.insert(t.box, name=box)
            id = subject.columns["id"]
            change.insert(t.animal, **subject.columns, cohort=cohorts + 1, status="active")
            if subject.weight_g is not None:
                change.insert(t.weight, animal=id, at=change.at, weight_g=subject.weight_g)
            _plan_session(change, id, study.plan.pretest, 1, place, box)
    return len(found), said


def add_person(study: Study, name: str, roles: Sequence[str], pin: str | None, by: str) -> None:
    """Put in a person with roles; the PIN is kept hashed. Raises ConfigError."""
    for role in roles:
        if role not in ROLES:
            raise ConfigError("--role", "", f"{role!r}: one of {', '.join(ROLES)}")
    if not roles:
        raise ConfigError("--role", "", f"missing: one of {', '.join(ROLES)}")
    try:
        hashed = None if pin is None else hash_pin(pin)
    except ValueError as error:
        raise ConfigError("--pin", "", str(error)) from None
    with study.store.change(by) as change:
        _allowed(change, by, ("owner",))
        if _there(change, t.person.c.name, name):
            raise ConfigError("--person", "", f"{name!r}: is in the study already")
        change.insert(t.person, name=name, roles=" ".join(roles), pin=hashed, active=1)


def add_box(study: Study, name: str, rig: str | None, by: str) -> None:
    """Put in a box. Raises ConfigError."""
    with study.store.change(by) as change:
        _allowed(change, by, ("technician", "owner"))
        if _there(change, t.box.c.name, name):
            raise ConfigError("--box", "", f"{name!r}: is in the study already")
        change.insert(t.box, name=name, rig=rig)


def allocate_cohort(
    study: Study,
    person: str,
    pretests: Sequence[Mapping[str, str]],
    holder: tuple[str, str] | None = None,
    over_gate: str = "",
) -> Allocated:
    """Draw pairing, group, order and slot for the animals that have none, and seal them.

    `pretests` are lines as in a session's `summary.csv`. A later cohort is drawn on the totals of
    the earlier ones, for which the key is opened: `holder` is a name and a passphrase. `over_gate`
    is the reason for going on where the gate stops. Raises ConfigError, or RigError at the gate.
    """
    plan, scheme = study.plan, study.plan.scheme()
    before: list[tuple[Candidate, Place]] = []
    if _cohorts(study):
        if holder is None:
            message = "missing: a later cohort is drawn on the totals of the first, in the key"
            raise ConfigError("--holder", "", message)
        parts = _opened(study, person, *holder)
        before = [pair for one in _allocations(study, parts) for pair in pairs_of(one)]
    with study.store.change(person, over_gate) as change:
        _allowed(change, person, ("owner",))
        outcomes = _outcomes(study, change, pretests)
        candidates = [one.candidate for one in outcomes]
        verdict = judge(plan.gate_rule(), candidates, plan.sides[0])
        if not verdict.go and not over_gate:
            raise RigError(f"stopped by the gate, nothing was allocated: {verdict.why}")
        excluded = exclude(plan.exclusion_rules(), outcomes)
        out = {one.animal for one in excluded}
        for one in excluded:
            change.insert(
                t.exclusion,
                animal=one.animal,
                rule=one.rule,
                value=one.value,
                rule_limit=one.limit,
                at=change.at,
            )
        for animal in sorted(out):
            _set_status(change, animal, "excluded", "by the rules of the study")
        left = [one for one in candidates if one.animal not in out]
        if not left:
            raise ConfigError(RULES, "exclusion", "the rules leave no animal")
        seed, salt = secrets.token_hex(16), secrets.token_hex(16)
        cohort = _cohorts(study) + 1
        try:
            if before:
                places, checks = minimise(scheme, left, before, seed, cohort)
            else:
                places, checks = allocate(scheme, left, seed, cohort)
        except ValueError as error:
            raise ConfigError("--pretest", "", str(error)) from None
        text, digest = freeze(scheme, left, places, checks, seed, salt)
        key = blinding.seal(study.key, "allocation", text, change.at)
        replace(study.folder / KEY, key.text().encode())
        change.insert(
            t.allocation,
            cohort=cohort,
            at=change.at,
            sha256=digest,
            algorithm=ALGORITHM,
            animals=len(places),
            unmet=", ".join(one.key for one in checks if not one.met),
            gate=verdict.why,
            person=person,
        )
        for place in places:
            change.insert(t.withheld, animal=place.animal, paired=place.cue or place.side)
    balance = tuple(table(scheme, left, places))
    return Allocated(cohort, len(places), digest, verdict, excluded, checks, balance)


def seal_sessions(study: Study, person: str, holder: tuple[str, str]) -> int:
    """Plan the conditioning of every allocated animal, with a label a session; how many labels.

    Which session is with drug goes into the key; the database gets chamber, label and volume per
    weight. An animal that has its sessions already is left as it is. Raises ConfigError.
    """
    plan = study.plan
    per_kg = plan.ml_per_kg(str(study.folder / RULES)) if plan.conditioning else 0.0
    parts = _opened(study, person, *holder)
    places = [place for one in _allocations(study, parts) for _, place in pairs_of(one)]
    dice = Dice(secrets.token_hex(16))
    groups = {group.name: group for group in plan.group}
    with study.store.change(person) as change:
        _allowed(change, person, ("owner",))
        read = change.connection.execute
        done = set(read(select(t.label.c.animal)).scalars())
        gone = set(read(select(t.animal.c.id).where(t.animal.c.status == "withdrawn")).scalars())
        todo = [p for p in places if p.animal not in done | gone]
        if not plan.conditioning or not todo:
            return 0
        taken = set(read(select(t.label.c.code)).scalars())
        codes = blinding.label_codes(2 * len(plan.conditioning) * len(todo), taken)
        sealed = []
        for running, place in enumerate(dice.shuffled(todo)):
            other = plan.sides[1 - plan.sides.index(place.side)]
            group = groups[place.group]
            for day, pair in enumerate(plan.conditioning, 2):
                for k, phase in enumerate(pair):
                    with_drug = (k == 0) == (place.order == DRUG_FIRST)
                    code = codes.pop()
                    chamber = place.side if with_drug else other
                    uid = _plan_session(
                        change, place.animal, phase, day, running, place.box, chamber
                    )
                    change.insert(
                        t.label, code=code, animal=place.animal, session=uid, ml_per_kg=per_kg
                    )
                    sealed.append(
                        {
                            "label": code,
                            "animal": place.animal,
                            "phase": phase,
                            "holds": group.drug if with_drug else group.vehicle,
                            "dose_mg_kg": group.dose_mg_kg if with_drug else None,
                        }
                    )
        key = blinding.seal(study.key, "labels", sealed, change.at)
        replace(study.folder / KEY, key.text().encode())
    return len(sealed)


def unblind(
    study: Study, person: str, reason: str, holder: tuple[str, str], animal: str | None = None
) -> list[dict[str, Any]]:
    """Who was in which group and paired with what, of all animals or of one; it is recorded.

    Raises ConfigError for an animal that has no place, or no reason; WrongPassphraseError.
    """
    if len(reason.split()) < 2:
        raise ConfigError("--reason", "", f"{reason!r}: say it in words; it is kept")
    parts = _opened(study, person, *holder)
    rows = [asdict(p) for one in _allocations(study, parts) for _, p in pairs_of(one)]
    if animal is not None:
        rows = [row for row in rows if row["animal"] == animal]
        if not rows:
            raise ConfigError("--animal", "", f"{animal!r}: has no place in the allocation")
    labels = [one for part in parts if part.kind == "labels" for one in part.content]
    with study.store.read() as connection:
        known = set(connection.execute(select(t.label.c.code)).scalars())
    for row in rows:
        row["labels"] = {
            one["label"]: one["holds"]
            for one in labels
            if one["animal"] == row["animal"] and one["label"] in known
        }
    with study.store.change(person, reason) as change:
        change.note("key_opened", scope=animal or "all", holder=holder[0])
    return rows


def status(study: Study) -> dict[str, Any]:
    """What is open of the study, as numbers and words; nothing of it is withheld or sealed."""
    with study.store.read() as connection:

        def count(column: Any) -> dict[str, int]:
            found = connection.execute(select(column, func.count()).group_by(column)).all()
            return {str(value): int(number) for value, number in found}

        kept = connection.execute(select(t.study)).mappings().one()
        allocations = connection.execute(select(t.allocation)).mappings().all()
        unblinded = connection.execute(
            select(func.count()).where(t.audit.c.action == "key_opened")
        ).scalar()
        return {
            "name": kept["name"],
            "protocol": f"{kept['protocol']} {kept['protocol_version']}",
            "design": str(study.plan.design),
            "animals": count(t.animal.c.status),
            "sessions": count(t.session.c.status),
            "people": sum(count(t.person.c.name).values()),
            "holders": [one.name for one in study.key.holder],
            "allocations": [
                {"cohort": one["cohort"], "animals": one["animals"], "sha256": one["sha256"]}
                for one in allocations
            ],
            "excluded": list(connection.execute(select(t.exclusion.c.animal).distinct()).scalars()),
            "key_opened": int(unblinded or 0),
            "wrong_passphrases": _refused(connection),
            "why_read_only": study.store.why,
        }


def check(study: Study, holders: Mapping[str, str], person: str) -> list[str]:
    """What is wrong with the study, a line each: trail, tables, key, folders. Empty: nothing.

    `holders`: name to passphrase of those who prove that they can open the key; it stays closed.
    """
    faults = []
    with study.store.read() as connection:
        faults += [f"{one.where}: {one.what}" for one in verify(connection)]
        filed = dict(
            connection.execute(
                select(t.session.c.folder, t.session.c.sums_sha256).where(
                    t.session.c.folder.is_not(None)
                )
            ).all()
        )
    for folder, expected in sorted(filed.items()):
        sums = study.folder / folder / SUMS
        if not sums.is_file():
            faults.append(f"{folder}: its {SUMS} is not there")
        elif hashlib.sha256(sums.read_bytes()).hexdigest() != expected:
            faults.append(f"{folder}: its {SUMS} is not the one that was filed")
    for sums in sorted((study.folder / "rawdata").glob(f"sub-*/ses-*/behav/{SUMS}")):
        name = sums.parent.relative_to(study.folder).as_posix()
        if name not in filed:
            faults.append(f"{name}: the database does not know this session")
    try:
        key = study.key
    except ConfigError as error:
        return [*faults, str(error)]
    sealed = sum(part.kind == "allocation" for part in key.part)
    if sealed < _cohorts(study):
        faults.append(f"{KEY}: holds {sealed} allocations of {_cohorts(study)}")
    for name, words in holders.items():
        try:
            blinding.prove(key, name, words)
        except WrongPassphraseError as error:
            faults.append(f"{KEY}: {name}: {_count_refusal(study, person, str(error))}")
        except ConfigError as error:
            faults.append(str(error))
    return faults


def pretests_of(folder: Path, phase: str) -> list[dict[str, str]]:
    """The last line of `summary.csv` of each animal's sessions of `phase` under `folder`."""
    found: dict[str, dict[str, str]] = {}
    pattern = f"sub-*/ses-*_phase-{phase}*/behav/summary.csv"
    for path in sorted((folder / "rawdata").glob(pattern)):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row.get("phase") == phase:
                    found[row["subject"]] = row
    return list(found.values())


def pairs_of(text: str) -> list[tuple[Candidate, Place]]:
    """The animals of a frozen allocation with their places."""
    whole = json.loads(text)
    animals = [
        Candidate(**{**one, "sides_s": tuple(one["sides_s"])}) for one in whole["candidates"]
    ]
    return list(zip(animals, (Place(**one) for one in whole["places"]), strict=True))


def _outcomes(study: Study, change: Change, pretests: Sequence[Mapping[str, str]]) -> list[Outcome]:
    """The animals that are to be allocated, with their pre-tests."""
    placed = select(t.withheld.c.animal)
    wanted = (
        select(t.animal)
        .where(t.animal.c.status == "active", t.animal.c.id.not_in(placed))
        .order_by(t.animal.c.id)
    )
    animals = change.connection.execute(wanted).mappings().all()
    if not animals:
        raise ConfigError("--pretest", "", "every active animal has its place already")
    rows = {row.get("subject", ""): row for row in pretests}
    lacking = [one["id"] for one in animals if one["id"] not in rows]
    if lacking:
        raise ConfigError("--pretest", "", f"no pre-test of {', '.join(lacking)}")
    return [_outcome(study.plan, one, rows[one["id"]]) for one in animals]


def _outcome(plan: Planning, animal: Mapping[str, Any], row: Mapping[str, str]) -> Outcome:
    def number(column: str, default: float | None = None) -> float:
        cell = row.get(column, "")
        if cell in ("", None) and default is not None:
            return default
        try:
            return float(cell.replace(",", "."))
        except (ValueError, AttributeError):
            where = f"pre-test of {animal['id']}"
            raise ConfigError(where, column, f"{cell!r}: a number is wanted") from None

    first, second = plan.sides
    for column in ("sex", "cage", "box"):
        if not animal[column]:
            message = "missing: allocation is stratified by sex, cage and box"
            raise ConfigError(f"animal {animal['id']}", column, message)
    sides_s = number(f"time_{first}_s"), number(f"time_{second}_s")
    test_s, lost_s = number("test_s"), number("time_lost_s", 0.0)
    entries = None
    if row.get(f"entries_{first}") and row.get(f"entries_{second}"):
        entries = int(number(f"entries_{first}") + number(f"entries_{second}"))
    candidate = Candidate(
        animal["id"],
        animal["sex"],
        animal["cage"],
        animal["box"],
        sides_s,
        test_s,
        row.get("first_cue", ""),
    )
    return Outcome(candidate, max(0.0, test_s - sum(sides_s) - lost_s), entries, lost_s)


def _plan_session(
    change: Change,
    animal: str,
    phase: str,
    day: int,
    place: int,
    box: str | None,
    chamber: str | None = None,
) -> str:
    uid = secrets.token_hex(8)
    change.insert(
        t.session,
        uid=uid,
        animal=animal,
        phase=phase,
        attempt=1,
        day=day,
        place=place,
        box=box,
        chamber=chamber,
        status="planned",
        entered_afterwards=0,
    )
    return uid


def _set_status(change: Change, animal: str, status: str, reason: str) -> None:
    change.update(
        t.animal,
        {"id": animal},
        status=status,
        status_since=change.at,
        status_reason=reason,
        status_by=change.person,
    )


def _opened(study: Study, person: str, holder: str, words: str) -> tuple[Opened, ...]:
    """The key's parts in clear. A wrong passphrase is counted. Raises WrongPassphraseError."""
    with study.store.change(person) as change:
        _allowed(change, person, ("owner",))
    try:
        return blinding.unseal(study.key, holder, words)
    except WrongPassphraseError as error:
        raise WrongPassphraseError(_count_refusal(study, person, str(error))) from None


def _count_refusal(study: Study, person: str, said: str) -> str:
    try:
        with study.store.change(person) as change:
            change.note("key_refused")
            count = _refused(change.connection)
    except StorageError as error:
        return f"{said}; it could not be counted: {error}"
    return f"{said} ({count} wrong so far)"


def _refused(connection: Any) -> int:
    asked = select(func.count()).where(t.audit.c.action == "key_refused")
    return int(connection.execute(asked).scalar() or 0)


def _allocations(study: Study, parts: Sequence[Opened]) -> list[str]:
    """The frozen texts that the database counts, by their hashes, in order of cohorts."""
    with study.store.read() as connection:
        asked = select(t.allocation.c.sha256).order_by(t.allocation.c.cohort)
        wanted = list(connection.execute(asked).scalars())
    texts = {_sha256(part.content): part.content for part in parts if part.kind == "allocation"}
    for digest in wanted:
        if digest not in texts:
            message = f"does not hold the allocation {digest[:12]}...; put back a copy of it"
            raise ConfigError(str(study.folder / KEY), "", message)
    if not wanted:
        raise ConfigError(str(study.folder), "", "nothing is allocated yet: `study allocate`")
    return [texts[digest] for digest in wanted]


def _cohorts(study: Study) -> int:
    with study.store.read() as connection:
        return int(connection.execute(select(func.max(t.allocation.c.cohort))).scalar() or 0)


def _allowed(change: Change, person: str, roles: Sequence[str]) -> None:
    found = change.connection.execute(
        select(t.person.c.roles, t.person.c.active).where(t.person.c.name == person)
    ).first()
    if found is None or not found.active:
        raise ConfigError("--by", "", f"{person!r}: is not a person of this study")
    if not set(roles) & set(found.roles.split()):
        raise ConfigError("--by", "", f"{person!r}: this is for {' or '.join(roles)}")


def _there(change: Change, column: Any, value: str) -> bool:
    return change.connection.execute(select(column).where(column == value)).first() is not None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
