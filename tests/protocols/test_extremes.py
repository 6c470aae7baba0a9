"""Each number of a person's file at values that no box has: used, or refused in one line."""

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from protocols import library
from protocols.protocol import parse, plan_session, settings
from rig.apparatus import Apparatus
from rig.config import parse_toml
from rig.errors import ConfigError
from rig.rigfile import RigFile
from rig.session import Wish, load_rig, record
from rig.steps import SessionPlan
from tests.faults.kills import OWNER, made_study
from tests.protocols.conftest import Cli, Kept
from tests.small import ARENA, rig_tables, write_clip, write_table

EXTREMES = (1e305, 1e-305, 10**30)
"""Squares, products with 1e9 and whole numbers of 64 bits do not hold these."""
Path_ = tuple[str | int, ...]


def numbers(of: type[BaseModel]) -> list[Path_]:
    """Where in the model's table numbers stand, an item of each list."""
    schema = of.model_json_schema()
    return list(dict.fromkeys(_numbers(schema, schema.get("$defs", {}), ())))


def _numbers(part: Mapping[str, Any], named: Mapping[str, Any], path: Path_) -> Iterator[Path_]:
    if "$ref" in part:
        part = named[part["$ref"].rpartition("/")[2]]
    for other in part.get("anyOf", ()):
        yield from _numbers(other, named, path)
    if part.get("type") in ("number", "integer"):
        yield path
    for key, inner in part.get("properties", {}).items():
        yield from _numbers(inner, named, (*path, key))
    for k, inner in enumerate(part.get("prefixItems", ())):
        yield from _numbers(inner, named, (*path, k))
    if isinstance(part.get("items"), dict):
        yield from _numbers(part["items"], named, (*path, 0))


def put(table: Any, path: Path_, value: float) -> Any:
    """The table with this value there, and what leads to it."""
    if not path:
        return value
    key, *rest = path
    if isinstance(key, int):
        items = [*(table or ())]
        items += [value] * (key + 1 - len(items)) if not rest else [None] * (key + 1 - len(items))
        items[key] = put(items[key], tuple(rest), value)
        return items
    return {**(table or {}), key: put((table or {}).get(key), tuple(rest), value)}


def drawn() -> dict[str, Any]:
    line = {"name": "d", "between": ["left", "right"], "line_px": [[80, 20], [80, 100]]}
    return {**parse_toml(ARENA, "arena.toml"), "doorway": [line]}


@pytest.mark.parametrize("path", numbers(Apparatus), ids=lambda path: ".".join(map(str, path)))
def test_an_apparatus_of_no_box(here: Path, cli: Cli, path: Path_) -> None:
    write_clip(here, 12)
    for k, value in enumerate(EXTREMES):
        write_table(here / "a.toml", put(drawn(), path, value))
        said = cli("rescore", "mouse.mkv", "--apparatus", "a.toml", "--out", f"out{k}")
        assert said.code in (0, 2), said.err
        assert said.code == 0 or said.err.count("\n") == 1
        assert (here / f"out{k}").exists() == (said.code == 0)


@pytest.mark.parametrize("path", numbers(RigFile), ids=lambda path: ".".join(map(str, path)))
def test_a_rig_of_no_lab(here: Path, cli: Cli, path: Path_) -> None:
    table, apparatuses = rig_tables(boxes=1, drive="none")
    for name, apparatus in apparatuses.items():
        write_table(here / f"{name}.toml", apparatus)
    words = ["run", "free-exploration", "--rig", "sim:r.rig.toml", "--subject", "M1", "--anyway"]
    for k, value in enumerate(EXTREMES):
        write_table(here / "r.rig.toml", put(copy.deepcopy(table), path, value))
        said = cli(*words, "--out", f"o{k}", "--set", "test_s=2", "--speed", "max")
        assert said.code in (0, 2), said.err
        assert (here / f"o{k}").exists() == (said.code == 0)


@pytest.mark.parametrize("path", numbers(SessionPlan), ids=lambda path: ".".join(map(str, path)))
def test_a_plan_of_no_session(clip: Path, path: Path_) -> None:
    """What is taken is carried out as far as the film goes."""
    protocol = parse(library.text("free-exploration"), "free-exploration")
    loaded = load_rig(str(clip.parent / "clip.rig.toml"))
    apparatus = loaded.box_named(None).apparatus
    plan = plan_session(protocol, "exploration", apparatus, values=settings(protocol, []))
    table = plan.model_dump(mode="json", by_alias=True, exclude_none=True)
    for k, value in enumerate(EXTREMES):
        try:
            made = SessionPlan.model_validate(put(table, path, value))
        except ValueError:
            continue
        wish = Wish(plan=made, subject="M01", phase="exploration")
        try:
            done = record(wish, loaded, out=clip.parent / f"out{k}")
        except ConfigError:  # it does not fit to the box
            assert not (clip.parent / f"out{k}").exists()
        else:
            assert str(done.ending.status) in ("completed", "aborted")


@pytest.mark.parametrize(
    "words",
    [
        ["run", "free-exploration", "--rig", "sim", "--subject", "M1", "--out", "out", "--seed"],
        ["demo", "--out", "out", "--seed"],
        ["demo", "--out", "out", "--animals"],
        ["study", "today", "out", "--people"],
        ["study", "copy", "out", "--hours"],
        ["rescore", "mouse.mkv", "--apparatus", "arena.toml", "--out", "out", "--workers"],
    ],
    ids=" ".join,
)
def test_a_number_that_is_none_of_an_option(clip: Path, cli: Cli, words: list[str]) -> None:
    said = cli(*words, f"-{10**30}")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert not (clip.parent / "out").exists()


def test_more_people_than_there_can_be_plan_no_day(here: Path, cli: Cli) -> None:
    assert "--people" in cli("study", "today", "S1", "--people", 10**30).err


@pytest.mark.parametrize(
    "words",
    [
        ["shift", "--animal", "M000", "--reason", "ill", "--by", OWNER, "--days", str(10**30)],
        ["plan", "--by", OWNER, "--start", "9999-12-30"],
        ["today", "--at", "0001-01-01T00:00"],
        ["today", "--at", "9999-12-31T23:59"],
        ["copy", "--hours", "1e305"],
        ["copy", "--hours", "nan"],
    ],
    ids=" ".join,
)
def test_a_time_of_no_study(here: Path, cli: Cli, kept: Kept, words: list[str]) -> None:
    kept.begin("a study of one", here, lambda: made_study(here / "S", 1))
    verb, *rest = words
    said = cli("study", verb, "S", *rest)
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert said.err.startswith(f"placepref: {rest[-2]}: ")
