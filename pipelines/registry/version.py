"""A registered model, as people and verbs see it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Version:
    head: str
    version: str
    ranker: str
    trained_to: str
    aliases: tuple[str, ...]
    metrics: dict[str, float]
    refused: str = ""
    """Why it is kept out of the auction."""

    @property
    def figures(self) -> str:
        """Its two telling metrics, for a line: a ranker's NE and AUC, else the first that were measured."""
        m = self.metrics
        if "normalised_entropy" in m:
            return f"NE {m['normalised_entropy']:.4f}  AUC {m.get('roc_auc', float('nan')):.4f}"
        return "  ".join(f"{name} {value:.4f}" for name, value in list(m.items())[:2])
