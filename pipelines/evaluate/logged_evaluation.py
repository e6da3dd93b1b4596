"""What MLflow is told of an evaluation: its figures, the verdict of each gate, its page and pictures."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Final

from feature_repo.home import Home
from pipelines.gates.evidence import Evidence
from pipelines.gates.gate import Verdict
from pipelines.registry.content import content_of
from pipelines.registry.mlflow_runs import log_evaluation
from pipelines.registry.mlflow_store import where_reached
from pipelines.training.candidate import candidate, evidence_path, plots_folder, report_path
from serving.settings import Settings

UNTAGGED: Final = re.compile(r"[^\w./ -]")
"""What MLflow takes in no tag's name."""


def log_evidence(settings: Settings, day: date, evidence: Evidence) -> None:
    """Adds an evaluation to the run of the candidate's training. MLflow out of reach is a warning: the evaluation is kept beside the
    candidate, and a registration tells it."""
    head, ranker = evidence.head, evidence.ranker
    content, files = content_of(candidate(settings.home, head, day, ranker)), evaluation_files(settings.home, head, day, ranker)
    with where_reached(settings, "The evaluation"):
        log_evaluation(settings, head, content, evidence.metrics, evaluation_tags(evidence), files)


def evaluation_files(home: Home, head: str, day: date, ranker: str) -> list[Path]:
    """The page, the figures with their verdicts, and the pictures of a candidate's last evaluation."""
    pictures = sorted(plots_folder(home, head, day, ranker).glob("*.png"))
    return [report_path(home, head, day, ranker), evidence_path(home, head, day, ranker), *pictures]


def evaluation_tags(evidence: Evidence) -> dict[str, str]:
    """The ranker, the day, and each gate's verdict, by tag."""
    verdicts = {f"gate.{UNTAGGED.sub('_', v.gate)}": f"{v.word}: {_value(v)}, must be {v.bound}" for v in evidence.verdicts()}
    return {"ranker": evidence.ranker, "day": evidence.day, **verdicts}


def _value(verdict: Verdict) -> str:
    return "not measured" if verdict.challenger is None else f"{verdict.challenger:.4g}"
