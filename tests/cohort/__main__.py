"""``python -m tests.cohort``: runs a generated cohort and prints docs/noise.md."""

from __future__ import annotations

import argparse

from engine.generate import Recipe
from tests.cohort.measure import measure
from tests.cohort.page import page
from tests.scenario.timeline import knowledge


def main() -> None:
    """Read the recipe from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--seed", type=int, default=2026)
    given = parser.parse_args()
    recipe = Recipe.of(people=given.people, days=given.days, seed=given.seed)
    print(page(recipe, measure(recipe, knowledge()), knowledge()), end="")


if __name__ == "__main__":
    main()
