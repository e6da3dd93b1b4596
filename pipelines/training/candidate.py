"""Where a trained, not yet registered bundle and what belongs to it lie."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from feature_repo.home import Home
from pipelines.errors import Missing
from serving.bundles import Bundle


def candidate(home: Home, head: str, day: date, ranker: str) -> Path:
    """Where a trained, not yet registered bundle lies."""
    return home.root / "candidates" / head / f"day={day}" / ranker


def plots_folder(home: Home, head: str, day: date, ranker: str) -> Path:
    """Where the last evaluation of a candidate left its pictures."""
    return candidate(home, head, day, ranker).with_name(f"{ranker}.plots")


def report_path(home: Home, head: str, day: date, ranker: str) -> Path:
    return home.reports / f"{head}-{ranker}-{day}.html"


def load_candidate(home: Home, head: str, day: date, ranker: str) -> Bundle:
    place = candidate(home, head, day, ranker)
    if not place.exists():
        raise Missing(f"{head} candidate", f"{ranker} of {day}", f"Run `placard train --head {head} --partition {day}`.")
    return Bundle.load(place, head)


def evidence_path(home: Home, head: str, day: date, ranker: str) -> Path:
    return candidate(home, head, day, ranker).with_name(f"{ranker}.evaluation.json")
