"""Weight loss against a humane end point. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from protocols.conduct.rules import HumanePlan

_EXACT = 1e-9
"""22.5 g of 25 g is a loss of a tenth, whatever the sum in binary says."""


class Loss(NamedTuple):
    """The last weight against the reference; `loss` is a share, negative for a gain.

    `verdict`: "" or "warn" or "end_point".
    """

    last_g: float
    reference_g: float
    loss: float
    verdict: str

    @property
    def told(self) -> str:
        """The verdict as a person reads it; "" where there is none."""
        told = f"{self.last_g:g} g, {-100 * self.loss:+.1f} % against {self.reference_g:g} g"
        words = {
            "end_point": f"HUMANE END POINT: {told}",
            "warn": f"near the humane end point: {told}",
        }
        return words.get(self.verdict, "")


def loss_of(plan: HumanePlan, weights_g: Sequence[float]) -> Loss | None:
    """What the weights (g, in order of time) say; None for none."""
    if not weights_g:
        return None
    reference = max(weights_g) if plan.against == "highest" else weights_g[0]
    loss = 1 - weights_g[-1] / reference
    verdict = ""
    if plan.weight_loss_warn is not None and loss >= plan.weight_loss_warn - _EXACT:
        verdict = "warn"
    if plan.weight_loss_max is not None and loss >= plan.weight_loss_max - _EXACT:
        verdict = "end_point"
    return Loss(weights_g[-1], reference, loss, verdict)
