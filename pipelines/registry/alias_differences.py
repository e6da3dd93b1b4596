"""Where MLflow and serving's own file say different things of who has which alias: someone changed one of them behind the other's back."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.registry.listing import aliases_of
from pipelines.registry.mlflow_aliases import MlflowUnread, mlflow_aliases
from serving.settings import Settings


@dataclass(frozen=True)
class AliasDifference:
    """serving, mlflow: the version that has the alias there, "" for none. Serving does what its file says."""

    head: str
    alias: str
    serving: str
    mlflow: str

    @property
    def line(self) -> str:
        """For a person."""
        return f"{self.head} @{self.alias}: serving has {self.serving or 'none'}, MLflow {self.mlflow or 'none'}"


@dataclass(frozen=True)
class Comparison:
    """unread: why MLflow could not be asked; then there are no differences to tell of."""

    differences: tuple[AliasDifference, ...]
    unread: str = ""


def compared(settings: Settings) -> Comparison:
    """Serving's file beside MLflow, by head and alias. Changes nothing."""
    try:
        theirs = mlflow_aliases(settings)
    except MlflowUnread as error:
        return Comparison((), str(error))
    ours = aliases_of(settings)
    every = sorted({(head, alias) for side in (ours, theirs) for head, by in side.items() for alias in by})
    pairs = ((head, alias, ours.get(head, {}).get(alias, ""), theirs.get(head, {}).get(alias, "")) for head, alias in every)
    return Comparison(tuple(AliasDifference(*pair) for pair in pairs if pair[2] != pair[3]))
