"""`placepref study amend DIR ...` and what goes with it: options; `amending` does what they say."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from protocols.cli.study import By, Folder, Json, Words, study
from rig.errors import RigError

amend = typer.Typer(
    name="amend",
    help="What went otherwise: animals that leave, sessions to be put right.",
    rich_markup_mode=None,
    add_completion=False,
)
study.add_typer(amend)
Reason = Annotated[str, typer.Option(help="Why; it is kept, and anybody can read it.")]
Pin = Annotated[
    Path | None,
    typer.Option("--pin-file", metavar="FILE", help='A line "NAME: PIN"; else it is asked for.'),
]
Session = Annotated[str, typer.Argument(help="Its folder, its uid, or ANIMAL/PHASE[/ATTEMPT].")]
Begin = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Nothing is laid out anew before this day; else today."),
]
Animal = Annotated[str, typer.Argument(help="The animal's id.")]


@amend.callback()
def of(context: typer.Context, folder: Folder) -> None:
    """What went otherwise in the study in DIR.

    Example: placepref study amend S1 withdraw M03 --as dead --reason "found dead" --by ann
    """
    context.obj = folder
    context.call_on_close(lambda: _copy(folder))


def _copy(folder: Path) -> None:
    """What was written is copied to the second place, where the study has one."""
    from protocols.study.second import copy_in_background

    with suppress(RigError):  # `study second` and `study status` tell what is wrong with it
        copy_in_background(folder)


@amend.command()
def withdraw(
    context: typer.Context,
    animal: Animal,
    by: By,
    reason: Reason,
    as_: Annotated[str, typer.Option("--as", help="dead, ill or dropped.")],
    on: Annotated[str, typer.Option(help="When, as 2026-01-31T14:05; else now.")] = "",
    pins: Pin = None,
) -> None:
    """Withdraw an animal: its sessions to come are cancelled, nothing is deleted.

    Example: placepref study amend S1 withdraw M03 --as dead --reason "found dead" --by ann
    """
    from protocols.cli import amending

    raise typer.Exit(amending.withdraw(context.obj, animal, as_, reason, by, on, pins))


@amend.command()
def exclude(
    context: typer.Context,
    animal: Animal,
    by: By,
    reason: Reason,
    rule: Annotated[str, typer.Option(help="The rule that was written before.")],
    pins: Pin = None,
) -> None:
    """Exclude an animal by a rule that was written before.

    Example: placepref study amend S1 exclude M03 --rule escape --reason "left the box" --by ann
    """
    from protocols.cli import amending

    raise typer.Exit(amending.exclude(context.obj, animal, rule, reason, by, pins))


@amend.command()
def substitute(
    context: typer.Context,
    animal: Animal,
    by: By,
    holder: Annotated[str, typer.Option(help="Who opens the key for it.")],
    pretest: Annotated[
        Path | None, typer.Option(metavar="FILE", help="As for allocate; else its own session.")
    ] = None,
    passphrases: Words = None,
    pins: Pin = None,
) -> None:
    """Give an animal the free place of one that was withdrawn, unseen by anyone.

    Example: placepref study amend S1 substitute M17 --by ann --holder ann
    """
    from protocols.cli import amending

    raise typer.Exit(
        amending.substitute(context.obj, animal, by, holder, pretest, passphrases, pins)
    )


@amend.command()
def session(
    context: typer.Context,
    which: Session,
    by: By,
    reason: Reason,
    animal: Annotated[str | None, typer.Option(help="Whose it was.")] = None,
    phase: Annotated[str | None, typer.Option(help="Which phase it was.")] = None,
    box: Annotated[str | None, typer.Option(help="In which box it was.")] = None,
    begin: Begin = None,
    pins: Pin = None,
) -> None:
    """File a session under the animal, phase or box that it was.

    Example: placepref study amend S1 session M01/pretest --animal M02 --reason "wrong cage" --by ann
    """  # noqa: E501
    from protocols.cli import amending

    raise typer.Exit(
        amending.session(context.obj, which, animal, phase, box, reason, by, begin, pins)
    )


@amend.command()
def swap(
    context: typer.Context,
    first: Session,
    second: Session,
    by: By,
    reason: Reason,
    begin: Begin = None,
    pins: Pin = None,
) -> None:
    """Put right two sessions that were filed under each other's animal.

    Example: placepref study amend S1 swap M01/pretest M02/pretest --reason "mixed up" --by ann
    """
    from protocols.cli import amending

    raise typer.Exit(amending.swap(context.obj, first, second, reason, by, begin, pins))


@amend.command()
def ended(
    context: typer.Context,
    which: Session,
    by: By,
    reason: Reason,
    as_: Annotated[
        str, typer.Option("--as", help="counted, repeated, withdrawn; else the study's rule.")
    ] = "",
    holder: Annotated[
        str | None, typer.Option(help="Repeated with an injection: who opens the key for a label.")
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="Repeated on this day; else today.")
    ] = None,
    passphrases: Words = None,
    pins: Pin = None,
) -> None:
    """Say what becomes of a session that ended early or is not valid.

    Example: placepref study amend S1 ended M01/conditioning1a --reason "power cut" --by ann
    """
    from protocols.cli import amending

    raise typer.Exit(
        amending.ended(context.obj, which, as_, reason, by, holder, on, passphrases, pins)
    )


@amend.command()
def injection(
    context: typer.Context,
    label: Annotated[str, typer.Argument(help="The syringe's label.")],
    by: By,
    as_: Annotated[str, typer.Option("--as", help="complete, partial, leaked or repeated.")],
    ml: Annotated[float | None, typer.Option(help="What the animal got in all.")] = None,
    at: Annotated[str, typer.Option(help="When it ended, as 2026-01-31T14:05:30.")] = "",
    animal: Annotated[str | None, typer.Option(help="Who got it, if another animal.")] = None,
    reason: Annotated[str, typer.Option(help="Why what was entered is amended.")] = "",
    pins: Pin = None,
) -> None:
    """Keep how an injection went.

    Example: placepref study amend S1 injection K7BFG --as partial --ml 0.12 --by tom
    """
    from protocols.cli import amending

    raise typer.Exit(amending.injection(context.obj, label, as_, ml, at, animal, reason, by, pins))


@amend.command()
def enter(
    context: typer.Context,
    animal: Animal,
    phase: Annotated[str, typer.Argument(help="Which phase it was.")],
    by: By,
    reason: Reason,
    started: Annotated[str, typer.Option(help="As 2026-01-31T14:05.")],
    ended: Annotated[str, typer.Option(help="As 2026-01-31T14:35.")],
    ran_by: Annotated[str, typer.Option(help="Who ran it.")],
    minutes: Annotated[
        list[str] | None, typer.Option(metavar="CHAMBER=MIN", help="As noted; repeatable.")
    ] = None,
    box: Annotated[str | None, typer.Option(help="In which box.")] = None,
    begin: Begin = None,
    pins: Pin = None,
) -> None:
    """Enter a session that was run outside the program; it is marked so.

    Example: placepref study amend S1 enter M01 conditioning1a --started 2026-01-31T14:05
    --ended 2026-01-31T14:35 --ran-by tom --minutes left=30 --reason "computer was down" --by ann
    """
    from protocols.cli import amending

    raise typer.Exit(
        amending.enter(
            context.obj,
            animal,
            phase,
            started,
            ended,
            ran_by,
            minutes or [],
            box,
            reason,
            by,
            begin,
            pins,
        )
    )


@study.command()
def admit(
    folder: Folder,
    by: By,
    holder: Annotated[str, typer.Option(help="Who opens the key for it.")],
    passphrases: Words = None,
) -> None:
    """Let this account or rig use what is withheld, so that it can score.

    Example: placepref study admit S1 --by ann --holder bob
    """
    from protocols.cli import amending

    raise typer.Exit(amending.admit(folder, by, holder, passphrases))


@study.command()
def ledger(
    folder: Folder,
    subject: Annotated[str | None, typer.Option(help="Only this animal.")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Exclude whom the study's rules put out.")
    ] = False,
    by: Annotated[str, typer.Option("--by", help="With --apply: who does it.")] = "",
    json: Json = False,
) -> None:
    """What each animal received, when, and how long before placement; planned against received.

    Example: placepref study ledger S1 --subject M03
    """
    from protocols.cli import amending

    raise typer.Exit(amending.ledger(folder, subject, by, apply=apply, as_json=json))


@study.command()
def lock(
    folder: Folder,
    by: By,
    primary: Annotated[
        str | None, typer.Option(help="The primary score; else that of the rules, or cpp_score_s.")
    ] = None,
    file: Annotated[
        list[Path] | None, typer.Option(help="A file of the analysis, kept by hash; repeatable.")
    ] = None,
) -> None:
    """Lock the analysis before the key is opened: its score, files and sessions, by hash.

    Example: placepref study lock S1 --primary cpp_score_s --file analysis.R --by ann
    """
    from protocols.cli import amending

    raise typer.Exit(amending.lock(folder, by, primary, file or []))
