"""`placepref study ...`, the commands of the day; `daily` does what they say."""

from pathlib import Path
from typing import Annotated

import typer

from protocols.cli.study import By, Folder, Json, Pins, Witness, Words, study

__all__ = ["study"]

At = Annotated[
    str | None, typer.Option(metavar="TIME", help="09:05, or 2026-01-05T09:05; else now.")
]
Subject = Annotated[str, typer.Option(help="The animal's id.")]
Override = Annotated[
    str,
    typer.Option(
        metavar="REASON",
        help="Go on though something is not as planned: rig, animal, staff, mistake, late, owner.",
    ),
]


@study.command()
def plan(
    folder: Folder,
    start: Annotated[str, typer.Option(metavar="DATE", help="The first day, as 2026-01-05.")],
    by: By,
    animal: Annotated[
        list[str] | None, typer.Option(help="Only this one; repeatable. Else all without days.")
    ] = None,
    pin_file: Pins = None,
) -> None:
    """Give animals their first day, and with it the days of all that is decided.

    Example: placepref study plan S1 --start 2026-01-05 --by ann
    """
    from protocols.cli import daily

    raise typer.Exit(daily.plan(folder, start, by, animal or [], pin_file))


@study.command()
def shift(
    folder: Folder,
    days: Annotated[int, typer.Option(help="How many days later; negative: earlier.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    by: By,
    animal: Annotated[list[str] | None, typer.Option(help="Repeatable.")] = None,
    cohort: Annotated[int | None, typer.Option(help="All of a cohort.")] = None,
    phase: Annotated[str, typer.Option(help="From this phase on; else the next.")] = "",
    pin_file: Pins = None,
) -> None:
    """Move what is planned of animals or a cohort; all intervals are checked, both dates kept.

    Example: placepref study shift S1 --cohort 1 --days 1 --reason "water in the room" --by ann
    """
    from protocols.cli import daily

    raise typer.Exit(daily.shift(folder, days, reason, by, animal or [], cohort, phase, pin_file))


@study.command()
def today(
    folder: Folder,
    people: Annotated[int, typer.Option(metavar="N", help="How many people are there.")] = 1,
    at: At = None,
    print_: Annotated[
        Path | None,
        typer.Option("--print", metavar="FILE", help="A page to print (.html), or text (.txt)."),
    ] = None,
    json: Json = False,
) -> None:
    """Propose the day's running order with times; when late, what is left of it.

    Example: placepref study today S1 --people 2 --print today.html
    """
    from protocols.cli import daily

    raise typer.Exit(daily.today(folder, people, at, print_, as_json=json))


@study.command()
def weigh(
    folder: Folder,
    subject: Subject,
    grams: Annotated[float, typer.Option(help="Its weight.")],
    by: By,
    at: At = None,
    pin_file: Pins = None,
) -> None:
    """Keep an animal's weight.

    Example: placepref study weigh S1 --subject M01 --grams 24.3 --by tom
    """
    from protocols.cli import daily

    raise typer.Exit(daily.weigh(folder, subject, grams, by, at, pin_file))


@study.command()
def done(
    folder: Folder,
    subject: Subject,
    procedure: Annotated[str, typer.Option(help="Its name, as the day's page has it.")],
    by: By,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="When it ended; else now.")] = None,
    started: Annotated[str | None, typer.Option(metavar="TIME", help="When it began.")] = None,
    outcome: Annotated[
        str | None, typer.Option(help="Of an injection: complete, partial, leaked, repeated.")
    ] = None,
    water_c: Annotated[float | None, typer.Option("--water-c", help="Measured, C.")] = None,
    note: Annotated[str, typer.Option(help="Anything else; it is kept.")] = "",
    override: Override = "",
    pin_file: Pins = None,
    json: Json = False,
) -> None:
    """Tick a procedure off when it has ended; tells from when to when the next has to be.

    Example: placepref study done S1 --subject M01 --procedure injection --by tom
    """
    from protocols.cli import daily

    asked = daily.Ticked(subject, procedure, by, at, started, outcome, water_c, note, override)
    raise typer.Exit(daily.done(folder, asked, pin_file, as_json=json))


@study.command()
def run(
    folder: Folder,
    subject: Subject,
    by: By,
    rig: Annotated[
        str | None, typer.Option(help="A rig file, sim, or sim:FILE; else the box's own.")
    ] = None,
    box: Annotated[str | None, typer.Option(help="Which box; else the planned one.")] = None,
    phase: Annotated[str | None, typer.Option(help="Another than the one that is due.")] = None,
    override: Override = "",
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Pretended; on a simulated rig alone.")
    ] = None,
    speed: Annotated[str, typer.Option(help="1: real time; max: as fast as it goes.")] = "1",
    seed: Annotated[int, typer.Option(min=0, help="Of a simulated rig.")] = 0,
    yes: Annotated[
        bool, typer.Option("--yes", help="Say yes to what no picture can confirm.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Start though the preflight says that something fails.")
    ] = False,
    pin_file: Pins = None,
    json: Json = False,
) -> None:
    """Run an animal's session that is due, and file it.

    Example: placepref study run S1 --subject M01 --rig rack-a.rig.toml --by tom
    """
    from protocols.cli import daily, running

    manner = running.Manner(speed, seed, yes, json, anyway)
    asked = daily.Run(subject, by, rig, box, phase, override, at, manner)
    raise typer.Exit(daily.run(folder, asked, pin_file))


@study.command()
def file(folder: Folder, subject: Subject, by: By, at: At = None, pin_file: Pins = None) -> None:
    """File a session whose program ended before it could, after resume or close.

    Example: placepref study file S1 --subject M01 --by tom
    """
    from protocols.cli import daily

    raise typer.Exit(daily.file(folder, subject, by, at, pin_file))


@study.command()
def draw(
    folder: Folder,
    by: By,
    out: Annotated[Path, typer.Option("--out", help="The sheet (.html), to print.")],
    day: Annotated[str | None, typer.Option(metavar="DATE", help="Else today.")] = None,
    lot: Annotated[
        list[str] | None, typer.Option(metavar="DRUG=LOT", help="A solution's lot; repeatable.")
    ] = None,
    passphrases: Words = None,
    pin_file: Pins = None,
    witness: Witness = None,
) -> None:
    """Open a day's draw sheet, for a preparer: what each label holds, with labels to print.

    What is drawn of a drug that the book of controlled drugs has is written into it.

    Example: placepref study draw S1 --by pat --out sheet.html --lot cocaine=L23
    """
    from protocols.cli import drawing

    raise typer.Exit(drawing.draw(folder, by, out, day, lot or [], passphrases, pin_file, witness))


@study.command()
def guess(
    folder: Folder,
    subject: Subject,
    group: Annotated[str, typer.Option(help="Which group it was in, as you think.")],
    by: By,
    sure: Annotated[int, typer.Option(help="1: a coin would do; 5: certain.")] = 1,
    pin_file: Pins = None,
) -> None:
    """Keep an operator's guess of an animal's group, at the end; it tells how blind the study was.

    Example: placepref study guess S1 --subject M01 --group cocaine --sure 2 --by tom
    """
    from protocols.cli import daily

    raise typer.Exit(daily.guess(folder, subject, group, by, sure, pin_file))
