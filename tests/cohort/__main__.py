"""``python -m tests.cohort``: runs the cohort and prints docs/noise.md."""

from __future__ import annotations

import argparse

from tests.cohort.measure import measure
from tests.cohort.page import Recipe, page
from tests.cohort.people import DAYS, cohort
from tests.scenario.timeline import knowledge


def main() -> None:
    """Read the recipe from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--seed", type=int, default=2026)
    given = parser.parse_args()
    recipe = Recipe(given.people, given.days, given.seed)
    people = cohort(recipe.people, recipe.seed, recipe.days)
    print(page(recipe, measure(people, knowledge(), recipe.days), knowledge()), end="")


if __name__ == "__main__":
    main()
