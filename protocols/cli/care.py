"""`placepref study event|humane|book|restore|move`: the commands, and what they do."""

from pathlib import Path
from typing import Annotated

import typer

from protocols.cli.study import By, Folder, Json, Pins, Witness, study


@study.command()
def event(
    folder: Folder,
    animal: Annotated[str, typer.Option(help="The animal's id.")],
    severity: Annotated[str, typer.Option(help="mild, moderate or severe.")],
    what: Annotated[str, typer.Option(help="What was seen; anybody can read it.")],
    action: Annotated[str, typer.Option(help="What was done.")],
    by: By,
    at: Annotated[str, typer.Option(help="When, as 2026-01-31T14:05; else now.")] = "",
    pin_file: Pins = None,
) -> None:
    """Keep an adverse event with its severity and what was done.

    Example: placepref study event S1 --animal M03 --severity mild --what "limps"
    --action "vet called" --by tom
    """
    from protocols import study as verbs
    from protocols.cli.who import signed
    from protocols.study import care
    from protocols.study.second import copy_in_background

    with verbs.open_study(folder) as opened:
        by = signed(opened, by, pin_file)
        care.adverse_event(opened, animal, severity, what, action, by, at)
    copy_in_background(folder)
    print(f"{animal}: {severity}, kept")


@study.command()
def humane(folder: Folder, json: Json = False) -> None:
    """Weight loss of every animal against the humane end point of the rules.

    Example: placepref study humane S1
    """
    from protocols import study as verbs
    from protocols.cli.table import lines, print_json
    from protocols.study import care

    with verbs.open_study(folder, write=False) as opened:
        found = care.losses(opened)
    if json:
        print_json({animal: loss._asdict() for animal, loss in found.items()})
        return
    words = {"": "", "warn": "near the end point", "end_point": "HUMANE END POINT: act"}
    rows = [
        [animal, f"{one.last_g:g}", f"{one.reference_g:g}", f"{-100 * one.loss:+.1f} %",
         words[one.verdict]]
        for animal, one in found.items()
    ]  # fmt: skip
    print(lines(rows, ("animal", "last g", "reference g", "change", "")))


@study.command()
def book(
    folder: Folder,
    by: By,
    kind: Annotated[
        str,
        typer.Argument(help="received, drawn, given, wasted; settle; none: show the book."),
    ] = "",
    drug: Annotated[str, typer.Option(help="The drug.")] = "",
    mg: Annotated[float, typer.Option(help="How much, mg.")] = 0.0,
    lot: Annotated[str, typer.Option(help="Its lot.")] = "",
    witness: Witness = None,
    note: Annotated[str, typer.Option(help="Sealed with the amount.")] = "",
    pin_file: Pins = None,
    json: Json = False,
) -> None:
    """The book of controlled drugs, for preparers and owners.

    settle: what of all syringes drawn by a sheet was given, by what was entered, and the rest as
    wasted before a witness; wasted needs one too. Who has a PIN signs with it.

    Example: placepref study book S1 received --drug cocaine --mg 500 --lot A17 --by bob
    """
    from protocols import study as verbs
    from protocols.cli.table import lines, print_json
    from protocols.cli.who import signed, witnessed
    from protocols.study import booking, care

    with verbs.open_study(folder) as opened:
        by = signed(opened, by, pin_file)
        witness = witnessed(opened, by, witness, pin_file)
        if kind == "settle":
            for one in booking.settle(opened, by, witness):
                said = ", ".join(f"{mg:.3f} mg {what}" for what, mg in one.mg.items())
                print(f"{one.drug}: {said}, {one.labels} syringes; ", end="")
                print(f"{one.left['stock_mg']:g} mg in stock, {one.left['in_hand_mg']:g} mg drawn")
            return
        if kind:
            left = care.book(opened, kind, drug, mg, by, lot=lot, witness=witness, note=note)
            print(f"{drug}: {left['stock_mg']:g} mg in stock, {left['in_hand_mg']:g} mg drawn")
            return
        rows, stock = care.read_book(opened, by)
    if json:
        print_json({"lines": rows, "stock": stock})
        return
    head = ("at", "kind", "drug", "amount_mg", "lot", "person", "witness")
    print(lines([[str(row[name] or "") for name in head] for row in rows], head))
    for name, left in stock.items():
        print(f"{name}: {left['stock_mg']:g} mg in stock, {left['in_hand_mg']:g} mg drawn")


@study.command()
def restore(
    folder: Folder,
    by: By,
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="COPY", help="A database, or a study's second place."),
    ] = None,
) -> None:
    """Put back the newest whole copy of the database; from a second place missing sessions too.

    What was there is kept aside.

    Example: placepref study restore S1 --by ann
    """
    from protocols import study as verbs

    done = verbs.restore(folder, by, from_, print)
    if done.files:
        print(f"put back {', '.join(done.files)}")
    if done.database is not None:
        aside = f"; what was there lies in {done.aside}" if done.aside else ""
        print(f"put back {done.database.name}{aside}")
    print("what was entered since is not in it: see placepref study check, and enter it again")


@study.command()
def move(folder: Folder, by: By) -> None:
    """Take a study's live database off a share, onto this computer; its folder stays there.

    Example: placepref study move /net/lab/S1 --by ann
    """
    from protocols import study as verbs
    from protocols.cli.table import wrapped

    done = verbs.move(folder, by)
    print(wrapped(f"the live database is {done.live} now; only this computer runs the study"))
    print(wrapped(f"the one on {done.share} is kept in {done.aside}, and is not used any more"))
