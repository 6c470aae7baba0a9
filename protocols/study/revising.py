"""A new version of the protocol in a study that has begun: with a reason, and never of its plan."""

from sqlalchemy import select

from protocols import joining, library, planning, protocol
from protocols.course import Course
from protocols.extending import Base, whole
from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.folder import PROTOCOL, RULES, Study, sha256
from protocols.study.signing import in_open
from rig.errors import ConfigError
from rig.storage.folder import replace


def revise(
    study: Study,
    text: str,
    person: str,
    reason: str,
    file: str = PROTOCOL,
    base: Base = library.text,
) -> tuple[int, int]:
    """Put a new version of the protocol in place of the one that the study keeps; old and new.

    The one of before is kept in backup/. What was allocated, planned and sealed stands, so phases,
    their days, groups and procedures have to be those of before: lengths, limits, doors and words
    may differ. Raises ConfigError for anything else, and for a version that is not higher.
    """
    said = in_open(study, reason, "--reason")
    text = whole(text, file, base)
    made = protocol.parse(text, file)
    rules = (study.folder / RULES).read_text(encoding="utf-8")
    plan = planning.parse(rules, str(study.folder / RULES), [phase.name for phase in made.phase])
    joined = joining.join(plan, made, file)
    old, new = study.protocol.version, made.version
    if made.name != study.protocol.name:
        raise ConfigError(file, "name", f"{made.name!r}: the study's is {study.protocol.name!r}")
    if new <= old:
        message = f"{new}: the study has version {old}; a text that was altered has a higher one"
        raise ConfigError(file, "version", message)
    if joined.plan != study.plan:
        fields = type(plan).model_fields
        differ = [k for k in fields if getattr(joined.plan, k) != getattr(study.plan, k)]
        raise ConfigError(file, "", f"another {', '.join(differ)}: {_STANDS}")
    if set(joined.courses) != set(study.joined.courses):
        raise ConfigError(file, "study.rotate", f"other orders: {_STANDS}")
    for of, course in joined.courses.items():
        if part := _differs(study.joined.courses[of], course):
            raise ConfigError(file, part, f"is another than before: {_STANDS}")
    with study.store.change(person, said) as change:
        allowed(change, person, ("owner",))
        uid = change.connection.execute(select(t.study.c.uid)).scalar_one()
        digest = sha256(text)
        change.update(t.study, {"uid": uid}, protocol_version=new, protocol_sha256=digest)
        before = (study.folder / PROTOCOL).read_bytes()
        replace(study.folder / "backup" / f"protocol-{old}.toml", before)
        replace(study.folder / PROTOCOL, text.encode())
    return old, new


_STANDS = "what was allocated and planned stands by it; begin another study"


def _differs(one: Course, other: Course) -> str:
    """The first part of a course that what is planned rests on, and that is not the same."""
    for part in ("study", "treatment", "group", "cue_set", "extinction"):
        if getattr(one, part) != getattr(other, part):
            return part
    if [phase.name for phase in one.phase] != [phase.name for phase in other.phase]:
        return "phase"
    for old, new in zip(one.phase, other.phase, strict=True):
        if old != new:
            return f"phase {old.name}"
    return ""
