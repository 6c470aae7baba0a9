"""Which questions are asked of a study's scores: the primary score's first, checks last."""

from collections.abc import Sequence

from protocols.scores import Animal, Scored
from protocols.statistics.between import between_groups
from protocols.statistics.groups import groups_of, values_of
from protocols.statistics.models import ancova, disturbed, extinction_course, mixed
from protocols.statistics.nulls import NULLS
from protocols.statistics.quiet import quietly
from protocols.statistics.result import Result, Role, holm
from protocols.statistics.within import before_after, one_sample_t, wilcoxon

PRIMARY = "cpp_score_s"


def all_tests(
    animals: Sequence[Animal], scored: Sequence[Scored], primary: str = PRIMARY
) -> list[Result]:
    """All tests of `scored`, the scores of `animals` in the same order.

    Raises ValueError for a `primary` that has no value at which nothing was learned.
    """
    if primary not in NULLS:
        raise ValueError(f"{primary!r}: one of {', '.join(NULLS)}")
    groups = groups_of(scored)
    scores = [primary, *(name for name in NULLS if name != primary)]
    results: list[Result] = []
    with quietly():
        for score in scores:
            role = Role.PRIMARY if score == primary else Role.SECONDARY
            for test in (one_sample_t, wilcoxon):
                results += holm(
                    [test(score, group, values_of(s, score), role) for group, s in groups.items()]
                )
            if len(groups) > 1:
                results += between_groups(score, groups, role)
            if score == primary:
                results += before_after(animals)
                results += _models(animals)
        results += disturbed(animals, scored, primary)
    return results


def _models(animals: Sequence[Animal]) -> list[Result]:
    results: list[Result] = []
    if len({animal.group for animal in animals}) > 1:
        results += [*mixed(animals), *ancova(animals)]
    return results + extinction_course(animals)
