"""By which rules a study is scored, and whether they stood before the first post-test."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from protocols.ranges import OWN, Case
from protocols.scoring.filed import Filed
from protocols.store import tables as t
from protocols.study.folder import RULES, Study
from rig.errors import ConfigError

DEFAULT = "cpp_score_s"


@dataclass(frozen=True)
class Rules:
    """A primary score, its entry rule and window, and since when they stand.

    `locked`: they were named in the study's rules, and these were in the trail before the first
    post-test began; `why` says so, or what is missing. `asked`: a further score that somebody
    asked for afterwards; it is secondary.
    """

    primary: str = DEFAULT
    window_s: float | None = None
    point: str | None = None
    hysteresis_cm: float | None = None
    min_dwell_s: float | None = None
    locked_at: str = ""
    sha256: str = ""
    first_posttest: str = ""
    locked: bool = False
    why: str = ""
    asked: str = ""

    @property
    def case(self) -> Case | None:
        """The entry rule in place of each session's own; None where that holds."""
        if self.point is None and self.hysteresis_cm is None and self.min_dwell_s is None:
            return None
        from rig.apparatus import EntryPoint

        point = None if self.point is None else EntryPoint(self.point)
        return Case(OWN, point, self.hysteresis_cm, self.min_dwell_s)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def rules_of(study: Study, filed: Sequence[Filed], asked: str = "") -> Rules:
    """The rules of a study. Raises ConfigError for a score asked for that there is not."""
    plan = study.plan.scoring
    with study.store.read() as connection:
        kept = connection.execute(select(t.study.c.created, t.study.c.rules_sha256)).one()
        noted = connection.execute(
            select(t.audit.c.at, t.audit.c.after)
            .where(t.audit.c.action == "analysis_locked")
            .order_by(t.audit.c.n)
        ).first()
    first = min((one.began for one in filed if one.is_posttest), default="", key=_moment)
    named: dict[str, Any] = {} if plan is None else plan.model_dump(mode="json")
    before = not first or _moment(kept.created) < _moment(first)
    if plan is None and noted is not None:
        named = {"primary": json.loads(noted.after).get("primary", DEFAULT)}
        before = not first or _moment(noted.at) < _moment(first)
        why = f"the analysis was locked at {_said(noted.at)}"
        if not before:
            why += f", after the first post-test began ({_said(first)}): all is secondary"
    elif plan is None:
        why = f"{RULES} names no [scoring]: nothing was chosen beforehand, so all is secondary"
    elif not before:
        why = (
            f"the rules were locked at {_said(kept.created)}, after the first post-test began"
            f" ({_said(first)}): all is secondary"
        )
    else:
        ahead = f", before the first post-test ({_said(first)})" if first else "; no post-test yet"
        why = (
            f"locked at {_said(kept.created)}{ahead} ({RULES}, SHA-256 {kept.rules_sha256[:12]}...)"
        )
    primary = named.get("primary", DEFAULT)
    return Rules(
        **named,
        locked_at=kept.created if plan is not None or noted is None else noted.at,
        sha256=kept.rules_sha256,
        first_posttest=first,
        locked=bool(named) and before,
        why=why,
        asked=_asked(asked, primary),
    )


def rules_of_folder(asked: str) -> Rules:
    """The rules of sessions that are of no study: nobody has locked any."""
    why = "no study keeps these sessions, so nothing was locked beforehand: all is secondary"
    return Rules(primary=_asked(asked, "") or DEFAULT, why=why)


def _asked(asked: str, primary: str) -> str:
    from protocols.statistics.nulls import NULLS

    if asked and asked not in NULLS:
        raise ConfigError("--primary", "", f"{asked!r}: one of {', '.join(NULLS)}")
    return asked if asked != primary else ""


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _said(text: str) -> str:
    return f"{_moment(text):%Y-%m-%d %H:%M %z}"
