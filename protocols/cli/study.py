"""`placepref study ...`: the commands and their options; `studying` does what they say."""

from pathlib import Path
from typing import Annotated

import typer

study = typer.Typer(
    name="study",
    help="A whole study: animals, allocation, blinding.",
    rich_markup_mode=None,
    add_completion=False,
)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The study's folder.")]
By = Annotated[
    str, typer.Option("--by", help="Who does it, by name; scan: whose badge is scanned.")
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable result on standard output.")]
Words = Annotated[
    Path | None,
    typer.Option(
        "--passphrases",
        metavar="FILE",
        help='A line a holder, "NAME: PASSPHRASE"; else it is asked for. Never in the study.',
    ),
]

Pins = Annotated[
    Path | None,
    typer.Option(
        "--pin-file", metavar="FILE", help='A line a person, "NAME: PIN"; else it is asked for.'
    ),
]

Witness = Annotated[
    str | None,
    typer.Option(
        help="Who saw it, for the book of controlled drugs; signs by PIN too. scan: by badge."
    ),
]


@study.command()
def new(
    folder: Folder,
    protocol: Annotated[str, typer.Option(help="A shipped protocol, or a protocol file.")],
    rules: Annotated[Path, typer.Option(help="The study's rules; see docs/study.md.")],
    by: By,
    holder: Annotated[
        list[str] | None, typer.Option(help="Who can open the sealed key; repeatable.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Write a recovery sheet here, to print and lock away.")
    ] = None,
    preparer: Annotated[
        list[str] | None,
        typer.Option(help="Who draws syringes: opens what labels hold, no more; repeatable."),
    ] = None,
    passphrases: Words = None,
) -> None:
    """Begin a study: its folder, database and sealed key.

    Example: placepref study new S1 --protocol cocaine-cpp --rules rules.toml --by ann --holder ann
    --holder bob
    """
    from protocols.cli import studying

    people = (holder or [], preparer or [])
    raise typer.Exit(studying.new(folder, protocol, rules, by, *people, sheet, passphrases))


@study.command()
def add(
    folder: Folder,
    by: By,
    animals: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A table (CSV), a line an animal.")
    ] = None,
    person: Annotated[str | None, typer.Option(help="A person's name.")] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(help="technician, preparer, scorer or owner; repeatable."),
    ] = None,
    pin: Annotated[bool, typer.Option("--pin", help="Ask for the person's PIN.")] = False,
    badge: Annotated[bool, typer.Option("--badge", help="Scan the person's badge.")] = False,
    box: Annotated[str | None, typer.Option(help="A box's name.")] = None,
    rig: Annotated[str | None, typer.Option(help="The rig that the box is of.")] = None,
    pin_file: Pins = None,
) -> None:
    """Put animals, a person or a box into a study.

    Example: placepref study add S1 --animals animals.csv --by ann
    """
    from protocols.cli import studying

    raise typer.Exit(
        studying.add(
            folder, by, animals, person, role or [], box, rig, pin_file, pin=pin, badge=badge
        )
    )


@study.command()
def allocate(
    folder: Folder,
    by: By,
    pretest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A table with subject, test_s and time_SIDE_s; else the study's own sessions.",
        ),
    ] = None,
    over_gate: Annotated[
        str, typer.Option(metavar="REASON", help="Go on where the gate stops; it is kept.")
    ] = "",
    holder: Annotated[
        str | None, typer.Option(help="For a later cohort: who opens the key.")
    ] = None,
    passphrases: Words = None,
    json: Json = False,
    pin_file: Pins = None,
) -> None:
    """Draw pairing, group, order and slot from the pre-test, and seal them unseen.

    Example: placepref study allocate S1 --by ann
    """
    from protocols.cli import studying

    raise typer.Exit(
        studying.allocate(
            folder, by, pretest, over_gate, holder, passphrases, pin_file, as_json=json
        )
    )


@study.command()
def seal(
    folder: Folder,
    by: By,
    holder: Annotated[str, typer.Option(help="Who opens the key for it.")],
    begin: Annotated[
        str | None, typer.Option(metavar="DATE", help="No session before this day; else today.")
    ] = None,
    passphrases: Words = None,
    pin_file: Pins = None,
) -> None:
    """Plan the conditioning of the allocated animals, with a label and a volume a session.

    Example: placepref study seal S1 --by ann --holder ann
    """
    from protocols.cli import studying

    raise typer.Exit(studying.seal(folder, by, holder, passphrases, begin, pin_file))


@study.command()
def unblind(
    folder: Folder,
    by: By,
    holder: Annotated[str, typer.Option(help="Who opens the key.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    animal: Annotated[str | None, typer.Option(help="Only this animal, in an emergency.")] = None,
    passphrases: Words = None,
    json: Json = False,
    pin_file: Pins = None,
) -> None:
    """Open the key: who was in which group, paired with what. It is recorded.

    Example: placepref study unblind S1 --by ann --holder ann --reason "analysis is locked"
    """
    from protocols.cli import studying

    raise typer.Exit(
        studying.unblind(folder, by, holder, reason, animal, passphrases, pin_file, as_json=json)
    )


@study.command()
def revise(
    folder: Folder,
    protocol: Annotated[str, typer.Option(help="The protocol file, with a higher version.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept, and anybody can read it.")],
    by: By,
    pin_file: Pins = None,
) -> None:
    """Give a study that has begun a new version of its protocol; its plan stays.

    Example: placepref study revise S1 --protocol cocaine-2.toml --reason "dimmer light" --by ann
    """
    from protocols.cli import studying

    raise typer.Exit(studying.revise(folder, protocol, reason, by, pin_file))


@study.command()
def status(folder: Folder, json: Json = False) -> None:
    """Tell how far a study is; nothing withheld or sealed is in it.

    Example: placepref study status S1
    """
    from protocols.cli import studying

    raise typer.Exit(studying.status(folder, as_json=json))


@study.command()
def check(
    folder: Folder,
    holder: Annotated[
        list[str] | None,
        typer.Option(
            help="Proves that this holder can open the key, unopened; repeatable."
            " None, with --passphrases: all whom the file names."
        ),
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who does it, by name.")] = "",
    passphrases: Words = None,
    json: Json = False,
) -> None:
    """Verify trail, tables, key and folders; exit code 1 where something is wrong.

    Example: placepref study check S1 --holder ann --holder bob
    """
    from protocols.cli import studying

    raise typer.Exit(studying.check(folder, holder or [], by, passphrases, as_json=json))
