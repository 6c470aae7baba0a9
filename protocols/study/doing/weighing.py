"""A weight kept, and what it says against the last one and the humane end point."""

from datetime import datetime

from protocols.conduct import loss_of
from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.doing.due import animal_of
from protocols.study.doing.reasons import iso
from protocols.study.folder import Study
from protocols.study.today import weights_of
from protocols.subjects import check_weight

JUMP = 0.1
"""A change since the last weight by more than this share is weighed again."""


def weigh(study: Study, animal: str, weight_g: float, person: str, now: datetime) -> list[str]:
    """Keep a weight, g; what is to be said of it. Raises ConfigError for one that cannot be."""
    with study.store.change(person) as change:
        allowed(change, person, ("technician", "preparer", "owner"))
        row = animal_of(change, animal)
        check_weight(weight_g, (row["species"] or "mouse").lower(), "--grams")
        before = weights_of(change, animal)
        change.insert(t.weight, animal=animal, at=iso(now), weight_g=weight_g, person=person)
        loss = loss_of(study.plan.humane, [one.weight_g for one in before] + [weight_g])
        assert loss is not None, "it was weighed just now"
        if loss.verdict:
            change.note("weight_loss", animal=animal, loss=round(loss.loss, 4), says=loss.verdict)
    said = []
    if before and abs(weight_g / before[-1].weight_g - 1) > JUMP:
        was = before[-1].weight_g
        said.append(
            f"{animal}: {weight_g:g} g, {weight_g / was - 1:+.0%} since the last: weigh again"
        )
    if loss.verdict == "end_point":
        said.append(f"{animal}: {loss.told}; act by your protocol, then study event")
    elif loss.verdict:
        said.append(f"{animal}: {loss.told}")
    return said
