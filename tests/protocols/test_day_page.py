"""What the page of a day asks: a card, what runs out, who somebody is, a draw that is looked at."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from protocols.cli.who import moment
from protocols.store import tables as t
from protocols.study import (
    allocate_cohort,
    cards,
    doing,
    drafting,
    open_study,
    placing,
    propose_cohort,
)
from protocols.study.calendar import calendar, ran
from protocols.study.people import who_is
from rig.errors import ConfigError, RigError, StorageError
from tests.gui.studies import (
    IDS,
    OWNER,
    PROTOCOL,
    WORDS,
    pretests,
    sealed_study,
    short_study,
)
from tests.hurry import hurry

NOW = moment(None).replace(microsecond=0)


@pytest.fixture(autouse=True)
def own_settings(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def test_a_card_tells_what_is_open_and_counts_what_runs_out(here: Path) -> None:
    folder = sealed_study(here / "S1", "sim")
    with open_study(folder) as study:
        made = cards.card(study, "M02", NOW)
        assert (made.phase, made.session, made.box) == ("conditioning1a", "planned", "A")
        assert made.chamber in ("left", "right")
        assert made.cues is not None
        assert set(made.cues) == {"left", "right"}
        assert made.weigh
        assert made.next is not None
        assert made.next.volume == "it was never weighed"
        assert cards.countdowns(study, NOW) == []
        doing.weigh(study, "M02", 25.0, "tom", NOW)
        made = cards.card(study, "M02", NOW)
        assert not made.weigh
        assert made.next is not None
        assert made.next.volume == "0.25 ml"
        assert cards.find_animal(study, made.next.label.lower()) == ("M02", made.next.label)
        assert cards.find_animal(study, "m02") == ("M02", "")
        with pytest.raises(ConfigError, match="no animal of this study"):
            cards.find_animal(study, "M99")
        doing.tick(study, "M02", made.next.slot, "tom", NOW)
        [left] = cards.countdowns(study, NOW)
        assert (left.animal, left.what, left.first) == ("M02", cards.PLACE, NOW)
        assert left.last == NOW + timedelta(seconds=60)
        begun = doing.begin(study, "M02", "tom", "sim", NOW + timedelta(seconds=5))
        [inside] = cards.countdowns(study, NOW)
        assert (inside.what, inside.box) == (cards.TAKE_OUT, "A")
        assert cards.card(study, "M02", NOW).started is not None
        assert [one.uid for one in placing.running_of(study)] == [begun.uid]
        assert placing.file_ended(study, NOW) == []  # nothing of it lies on the disk yet
        rows = {row.animal: row for row in calendar(study, NOW)}
        assert [e.stands for e in rows["M02"].entries][:3] == ["done", "running", "due"]
        assert rows["M01"].count("due") == 2
        assert ran(study)[0].endswith("/pretest/1")


def test_a_practice_has_a_name_that_the_study_does_not_know(here: Path) -> None:
    folder = short_study(here / "S1", "sim")
    with open_study(folder) as study:
        begun = doing.practise(study, "M01", "tom", NOW)
        with study.store.read() as connection:
            uids = set(connection.execute(select(t.session.c.uid)).scalars())
            assert not connection.execute(
                select(t.session).where(t.session.c.status != "planned")
            ).first()
        assert begun.uid not in uids
        choice = placing.choice_of(folder, begun, "sim", ["A"], "tom", practice=True)
        assert choice.out == here / "S1-practice"
        # Even a whole folder of it is not filed as the study's.
        made = folder / "rawdata" / "sub-M01" / "ses-x" / "behav"
        made.mkdir(parents=True)
        (made / "setup.json").write_text(f'{{"uid": "{begun.uid}"}}', encoding="utf-8")
        (made / "SHA256SUMS").write_text("", encoding="utf-8")
        mine = doing.begin(study, "M01", "tom", "sim", NOW)
        with pytest.raises(StorageError, match="is not of this session"):
            doing.finish_session(study, mine.uid, made, "completed", "tom", NOW)


def test_another_animals_tag_stops_once(here: Path) -> None:
    folder = short_study(here / "S1", "sim")
    with open_study(folder) as study:
        with pytest.raises(doing.DeviationError, match="the tag that was read is M02's"):
            doing.begin(study, "M01", "tom", "sim", NOW, scanned="M02")
        doing.begin(study, "M01", "tom", "sim", NOW, scanned="M02", override="mistake")
        with study.store.read() as connection:
            kept = connection.execute(select(t.deviation.c.kind, t.deviation.c.reason)).all()
        assert kept == [("animal", "mistake")]


def test_somebody_is_known_by_badge_pin_or_name(here: Path) -> None:
    folder = short_study(here / "S1", "sim")
    with open_study(folder) as study:
        assert who_is(study, "tom").roles == ("technician",)
        assert who_is(study, "4711").name == "eve"
        assert who_is(study, " BADGE-EVE ").name == "eve"
        assert who_is(study, "eve 4711").may("scorer", "owner")
        with pytest.raises(RigError, match="eve has a PIN"):
            who_is(study, "eve")
        with pytest.raises(RigError, match="not the PIN of eve"):
            who_is(study, "eve 4712")
        with pytest.raises(RigError, match="it was counted"):
            who_is(study, "4712")
        with study.store.read() as connection:
            asked = select(t.audit.c.person).where(t.audit.c.action == "pin_refused")
            assert list(connection.execute(asked).scalars()) == ["eve", "nobody"]


def test_a_draw_is_kept_as_it_was_looked_at(here: Path) -> None:
    folder = short_study(here / "S1", "sim")
    rows = pretests(IDS)
    with open_study(folder) as study:
        first = propose_cohort(study, OWNER, rows, None, "a made study")
        second = propose_cohort(study, OWNER, rows, None, "a made study")
        assert first.told.sha256 != second.told.sha256
        with study.store.read() as connection:
            assert connection.execute(select(t.allocation)).first() is None
            assert connection.execute(select(t.withheld)).first() is None
        assert study.key.part == open_key(folder)
        changed = [{**row, "time_left_s": "100"} for row in rows]
        with pytest.raises(ConfigError, match="draw again"):
            allocate_cohort(study, OWNER, changed, over_gate="made", proposed=second)
        kept = allocate_cohort(study, OWNER, rows, over_gate="made", proposed=second)
        assert kept == second.told
        with pytest.raises(ConfigError, match="has its place already"):
            allocate_cohort(study, OWNER, rows, over_gate="made", proposed=first)
        with study.store.read() as connection:
            asked = select(t.audit.c.after).where(t.audit.c.action == "allocation_proposed")
            told = list(connection.execute(asked).scalars())
        assert [first.told.sha256 in told[0], second.told.sha256 in told[1]] == [True, True]


def open_key(folder: Path) -> tuple:
    with open_study(folder) as study:
        return tuple(study.key.part)


def test_a_draft_says_what_it_comes_to_and_what_it_lacks(here: Path) -> None:
    (here / "short.toml").write_text(PROTOCOL, encoding="utf-8")
    draft = drafting.Draft(
        here / "S 1", "S 1", "short.toml", "ann", {"test_s": "5"}, "[gate]\nband = 0.4"
    )
    heads = [head for head, _ in drafting.in_words(draft)]
    assert heads[:2] == ["Study", "Groups"]
    assert 'name = "S 1"' in drafting.rules_text(draft)
    assert "test_s = 5" in drafting.rules_text(draft)
    with pytest.raises(ConfigError, match="one holder alone"):
        drafting.begin(draft)
    assert not (here / "S 1").exists()
    whole = drafting.Draft(here / "S1", "S1", "short.toml", "ann", holders=WORDS, sheet=True)
    words = drafting.begin(whole)
    assert words
    with open_study(here / "S1") as study:
        assert study.plan.name == "S1"
    assert drafting.folder_name("Cocaine, 15 mg/kg") == "Cocaine-15-mg-kg"
    assert datetime.now().astimezone() >= NOW
