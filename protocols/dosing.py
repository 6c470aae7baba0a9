"""Volumes from doses, and whether volumes tell who gets what. Pure. Science notes, section 4.3."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field, model_validator

from rig.config import Strict
from rig.errors import ConfigError


class As(StrEnum):
    """What a mass is of."""

    SALT = "salt"
    BASE = "base"


class Drug(Strict):
    """A solution as it is drawn; a vehicle has no concentration, and says its own volume.

    `salt_factor` is the salt's molecular weight over the base's; the smallest is 1.
    """

    name: str = Field(min_length=1)
    concentration_mg_ml: float | None = Field(None, gt=0)
    concentration_as: As = As.SALT
    dose_as: As | None = None
    salt_factor: float = Field(1.0, ge=1)
    vehicle_ml_per_kg: float | None = Field(None, gt=0)
    route: str = ""

    @model_validator(mode="after")
    def _one_kind(self) -> "Drug":
        if (self.concentration_mg_ml is None) == (self.vehicle_ml_per_kg is None):
            raise ValueError(f"{self.name}: give concentration_mg_ml, or vehicle_ml_per_kg")
        if self.concentration_mg_ml is not None and self.dose_as is None:
            raise ValueError(f'{self.name}: say dose_as = "salt" or "base"; papers differ')
        return self


def ml_per_kg(drug: Drug, dose_mg_kg: float | None) -> float:
    """Volume for each kg of animal. Raises ValueError for a drug without dose."""
    if drug.vehicle_ml_per_kg is not None:
        return drug.vehicle_ml_per_kg
    if dose_mg_kg is None or dose_mg_kg <= 0 or drug.concentration_mg_ml is None:
        raise ValueError(f"{drug.name}: a dose above 0 mg/kg is wanted")
    factor = 1.0
    if drug.dose_as is not drug.concentration_as:
        factor = drug.salt_factor if drug.dose_as is As.BASE else 1 / drug.salt_factor
    return dose_mg_kg * factor / drug.concentration_mg_ml


def check_volumes(volumes: Mapping[str, float], file: str) -> float:
    """The one volume per weight of all that is injected, in ml/kg.

    Raises ConfigError where they differ, by group or by drug and vehicle: whoever draws the
    syringes would see which is which.
    """
    told = ", ".join(f"{what} {value:g}" for what, value in volumes.items())
    low, high = min(volumes.values()), max(volumes.values())
    if high - low > 1e-6 * high:
        message = (
            f"unblinded by volume: {told} ml/kg; dilute each dose so that all are "
            f"{high:g} ml/kg, vehicle too"
        )
        raise ConfigError(file, "drug", message)
    if high > 20:
        raise ConfigError(file, "drug", f"{told} ml/kg: above 20 ml/kg endangers a mouse")
    return high


def volume_ml(per_kg: float, weight_g: float, step_ml: float = 0.01) -> float:
    """What is drawn for an animal, rounded to the syringe's step. Raises ValueError.

    The guards are a mouse's: 10 to 60 g.
    """
    if not 10 <= weight_g <= 60:
        raise ValueError(f"{weight_g:g} g: no weight of a mouse (10 to 60 g)")
    return round(round(per_kg * weight_g / 1000 / step_ml) * step_ml, 6)
