"""What follows from there being many rows: misses that chance alone explains, and claims at Bonferroni's level."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scipy import stats

from experiments.intervals import LEVEL, Values
from experiments.statistics import COMPATIBLE, NOT, REPRODUCED, Claim, Equivalent, SpreadClaim


def bonferroni(
    claims: Sequence[tuple[Claim | SpreadClaim | Equivalent, Values]], level: float = LEVEL
) -> list[bool | None]:
    """Which verdicts on claims also hold if all claims together are to be wrong with a probability of ``level``.

    Args:
        claims: each rule with its outcome.
        level: is shared out equally among the claims.

    Returns:
        For each claim whether its verdict is the same at ``level / len(claims)``; None for one that is not decided at
        ``level`` alone.
    """
    held: list[bool | None] = []
    for rule, per_seed in claims:
        word = rule.verdict(per_seed, level).word
        decided = word in (REPRODUCED, NOT)
        held.append(rule.verdict(per_seed, level / len(claims)).word == word if decided else None)
    return held


class Misses(NamedTuple):
    """How many numbers of the book lie outside our intervals, and how many would by chance alone.

    Attributes:
        judged: how many numbers were held against an interval.
        outside: how many lie outside.
        expected, std: the mean and the standard deviation of that count if the book's runs are as ours.
        probability: of so many or more by chance.
    """

    judged: int
    outside: int
    expected: float
    std: float
    probability: float

    def __str__(self) -> str:
        are = "lies" if self.outside == 1 else "lie"
        return (
            f"Of {self.judged} numbers, {self.expected:.1f} +- {self.std:.1f} are expected outside of their 95 % "
            f"intervals by chance alone, and {self.outside} {are} outside (so many or more have a probability of "
            f"{self.probability:.2f}, if rows were independent)."
        )


def expected_misses(words_of_numbers: Iterable[str]) -> Misses:
    """How many numbers miss, beside how many are expected to.

    Args:
        words_of_numbers: the word of each verdict on a number; those that were not judged (open, measured) do not
            count.
    """
    judged = [word for word in words_of_numbers if word in (REPRODUCED, COMPATIBLE, NOT)]
    n, outside = len(judged), judged.count(NOT)
    chance = stats.binom(n, LEVEL)
    return Misses(n, outside, float(chance.mean()), float(chance.std()), float(chance.sf(outside - 1)))
