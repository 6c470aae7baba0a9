"""The tables. No column says an animal's group or drug, nor which session was which.

Times are ISO 8601 with offset, as text; what was never said is NULL. Rows are never deleted.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

STATUSES = ("planned", "active", "withdrawn", "excluded", "substitute")
SESSION_STATUSES = ("planned", "running", "done", "aborted", "failed", "cancelled")


def _one_of(column: str, words: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} in ({listed})", name=column)


def _text(name: str, *, needed: bool = False) -> Column[str]:
    return Column(name, Text, nullable=not needed)


def _key(name: str, of: str, *, needed: bool = True) -> Column[str]:
    return Column(name, Text, ForeignKey(of), nullable=not needed)


study = Table(
    "study",
    metadata,
    Column("uid", Text, primary_key=True),
    _text("name", needed=True),
    _text("protocol", needed=True),
    Column("protocol_version", Integer, nullable=False),
    _text("protocol_sha256", needed=True),
    _text("rules_sha256", needed=True),
    _text("created", needed=True),
)

person = Table(
    "person",
    metadata,
    Column("name", Text, primary_key=True),
    _text("roles", needed=True),  # of technician, preparer, scorer, owner, with blanks between
    _text("pin"),  # hashed, with its salt
    _text("scan"),  # what a badge gives, hashed the same way
    Column("active", Integer, nullable=False),
)

box = Table(
    "box",
    metadata,
    Column("name", Text, primary_key=True),
    _text("rig"),
    _text("note"),
)

animal = Table(
    "animal",
    metadata,
    Column("id", Text, primary_key=True),
    *(
        _text(name)
        for name in (
            "ear_tag",
            "rfid",
            "species",
            "strain",
            "nomenclature",
            "substrain",
            "vendor",
            "room",
            "genotype",
            "sex",
            "born",
            "cage",
            "litter",
            "housing",
            "single_since",
            "enrichment",
            "light_cycle",
            "diet",
            "oestrous_stage",
            "surgery",
            "prior_experience",
            "health",
            "note",
        )
    ),
    _key("box", "box.name", needed=False),
    Column("cohort", Integer, nullable=False),
    _text("status", needed=True),
    _text("status_since"),
    _text("status_reason"),
    _key("status_by", "person.name", needed=False),
    _key("stands_for", "animal.id", needed=False),
    _one_of("status", STATUSES),
    UniqueConstraint("rfid"),
)

weight = Table(
    "weight",
    metadata,
    Column("id", Integer, primary_key=True),
    _key("animal", "animal.id"),
    _text("at", needed=True),
    Column("weight_g", Float, nullable=False),
    _key("person", "person.name", needed=False),
    CheckConstraint("weight_g > 0", name="weight_g"),
)

# What is open of a planned session: animal, day, box, chamber, cue map and label.
session = Table(
    "session",
    metadata,
    Column("uid", Text, primary_key=True),
    _key("animal", "animal.id"),
    _text("phase", needed=True),
    Column("attempt", Integer, nullable=False),
    Column("day", Integer, nullable=False),
    Column("place", Integer, nullable=False),  # in the day's running order
    _text("planned_for"),
    _key("box", "box.name", needed=False),
    _text("chamber"),
    _text("cues"),  # JSON: chamber to cue set
    _text("status", needed=True),
    _text("rig"),
    _key("person", "person.name", needed=False),
    _text("started"),
    _text("ended"),
    _text("folder"),
    _text("sums_sha256"),
    Column("entered_afterwards", Integer, nullable=False),
    _text("planned_first"),  # the date before any shift
    Column("outside", Integer),  # 1: a phase that has no session in a box
    _text("due_hidden"),  # a day that would tell the group, encrypted until it has come
    _one_of("status", SESSION_STATUSES),
    UniqueConstraint("animal", "phase", "attempt"),
    UniqueConstraint("folder"),
    # The database itself refuses an animal in two boxes at once.
    Index(
        "one_running",
        "animal",
        unique=True,
        sqlite_where=text("status = 'running'"),
        postgresql_where=text("status = 'running'"),
    ),
)

label = Table(
    "label",
    metadata,
    Column("code", Text, primary_key=True),
    _key("animal", "animal.id"),
    _key("session", "session.uid"),
    Column("ml_per_kg", Float, nullable=False),
    CheckConstraint("ml_per_kg > 0", name="ml_per_kg"),
)

# What is done around a session. Its slot is open; what it is for an animal, where it is blind, is
# in the key alone.
procedure = Table(
    "procedure",
    metadata,
    Column("id", Integer, primary_key=True),
    _key("session", "session.uid"),
    Column("place", Integer, nullable=False),
    _text("slot", needed=True),
    _text("moment", needed=True),  # before, during or after the session
    _text("runs_to", needed=True),  # "next", or the phase that its interval runs to
    Column("blind", Integer, nullable=False),
    Column("lasts_s", Float, nullable=False),
    Column("interval_s", Float),
    Column("early_s", Float),
    Column("late_s", Float),
    _key("label", "label.code", needed=False),
    _text("status", needed=True),
    _text("started"),
    _text("ended"),
    _text("outcome"),
    Column("volume_ml", Float),
    Column("weight_g", Float),
    Column("temperature_c", Float),
    _text("note"),
    _key("person", "person.name", needed=False),
    _one_of("moment", ("before", "during", "after")),
    _one_of("status", ("planned", "done", "skipped")),
    _one_of("outcome", ("complete", "partial", "leaked", "repeated")),
    UniqueConstraint("session", "place"),
)

deviation = Table(
    "deviation",
    metadata,
    Column("id", Integer, primary_key=True),
    _key("session", "session.uid"),
    _text("at", needed=True),
    _text("kind", needed=True),
    _text("what", needed=True),
    _text("reason", needed=True),
    _key("person", "person.name"),
)

# What the program decided of extinction; all that is told of it is the outcome.
decision = Table(
    "decision",
    metadata,
    Column("id", Integer, primary_key=True),
    _key("animal", "animal.id"),
    Column("block", Integer, nullable=False),
    Column("cycle", Integer, nullable=False),
    _key("session", "session.uid"),
    _text("outcome", needed=True),
    _text("at", needed=True),
    _one_of("outcome", ("goes on", "done", "not acquired")),
    UniqueConstraint("animal", "block", "cycle"),
)

running_order = Table(
    "running_order",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("day", needed=True),
    _text("at", needed=True),
    Column("people", Integer, nullable=False),
    _text("plan", needed=True),  # JSON: what, when, who
)

# What the operator thinks: the number of a group in the rules, so that no name stands here.
guess = Table(
    "guess",
    metadata,
    Column("id", Integer, primary_key=True),
    _key("animal", "animal.id"),
    Column("group_number", Integer, nullable=False),
    Column("sure", Integer, nullable=False),  # 1 (a coin) to 5
    _text("at", needed=True),
    _key("person", "person.name"),
    UniqueConstraint("animal", "person"),
)

# Who drew which label: whoever knows what it holds neither tests nor scores that animal.
draw = Table(
    "draw",
    metadata,
    Column("id", Integer, primary_key=True),
    _key("animal", "animal.id"),
    _text("day", needed=True),
    _text("at", needed=True),
    _key("person", "person.name"),
)

# The program's own: on no screen, in no folder and no export until the key was opened.
withheld = Table(
    "withheld",
    metadata,
    Column("animal", Text, ForeignKey("animal.id"), primary_key=True),
    _text("paired", needed=True),
)

allocation = Table(
    "allocation",
    metadata,
    Column("cohort", Integer, primary_key=True),
    _text("at", needed=True),
    _text("sha256", needed=True),
    _text("algorithm", needed=True),
    Column("animals", Integer, nullable=False),
    _text("unmet", needed=True),  # constraints that were not kept, by name
    _text("gate", needed=True),
    _key("person", "person.name", needed=False),
)

exclusion = Table(
    "exclusion",
    metadata,
    Column("id", Integer, primary_key=True),
    _key("animal", "animal.id"),
    _text("rule", needed=True),
    Column("value", Float),
    Column("rule_limit", Float),
    _text("at", needed=True),
)

MEASURED = "measured"
"""The kind of an amendment that says that a session was measured again; `after` tells where."""

amendment = Table(
    "amendment",
    metadata,
    Column("id", Integer, primary_key=True),
    _key("session", "session.uid"),
    _text("kind", needed=True),  # animal, phase, box, swap, attempt, outcome, MEASURED
    _text("before", needed=True),
    _text("after", needed=True),
    _text("reason", needed=True),
    _text("at", needed=True),
    _key("person", "person.name"),
)

adverse_event = Table(
    "adverse_event",
    metadata,
    Column("id", Integer, primary_key=True),
    _key("animal", "animal.id"),
    _text("at", needed=True),
    _text("severity", needed=True),
    _text("what", needed=True),
    _text("action", needed=True),
    _key("person", "person.name"),
    _one_of("severity", ("mild", "moderate", "severe")),
)

# Drug, lot and amount are sealed by the study's key: a day's milligrams and the animals' weights
# would tell together who was given it.
drug_book = Table(
    "drug_book",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("at", needed=True),
    _text("kind", needed=True),
    _text("sealed", needed=True),
    _key("person", "person.name"),
    _key("witness", "person.name", needed=False),
    _one_of("kind", ("received", "drawn", "given", "wasted")),
    CheckConstraint("witness is null or witness <> person", name="witness"),
)

exposure = Table(
    "exposure",
    metadata,
    Column("id", Integer, primary_key=True),
    _key("animal", "animal.id"),
    _key("session", "session.uid", needed=False),
    _text("kind", needed=True),
    _text("what", needed=True),  # a cue set, a procedure or a label
    Column("planned", Float),
    Column("received", Float),
    Column("before_placement_s", Float),
    _text("outcome"),
    _text("at", needed=True),
    _key("person", "person.name", needed=False),
    _one_of("kind", ("cue_set", "procedure", "label")),
    _one_of("outcome", ("complete", "partial", "leaked", "repeated")),
)

audit = Table(
    "audit",
    metadata,
    Column("n", Integer, primary_key=True, autoincrement=False),
    _text("at", needed=True),
    _text("person", needed=True),
    _text("action", needed=True),  # insert, update, or an event as key_opened
    _text("about"),  # the table
    _text("row_key"),
    _text("before"),
    _text("after"),
    _text("reason"),
    _text("hash", needed=True),
)

KEPT = tuple(table for table in metadata.sorted_tables if table is not audit)
"""Every table whose rows the audit trail can make again."""
