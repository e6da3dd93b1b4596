"""What the candidate finds among the user's latest actions (target attention: DIN, Zhou et al. 2018; BST, Chen et al. 2019)."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import nn

from feature_repo.tables.user_actions import ACTIONS, KINDS
from feature_repo.taxonomy import CATEGORIES
from pipelines.rankers.networks.identities import Identities
from pipelines.rankers.networks.parts import Parts
from pipelines.rankers.networks.tower import tower

HALF_WEIGHT_DAYS: Final = 7.0
FAR: Final = -1e4
"""Attention of a place without an action, before the softmax."""


class BehaviourNetwork(nn.Module):
    """dense, codes, history → (n, 1). history: codes, categories, kinds and ages, `ACTIONS` of each (user_actions.action_columns);
    without columns of it (n, 0), the network is one of the rest.

    ids_at: where among the identities the candidate's category, campaign and creative stand. An action and a candidate are told
    by the same embeddings of code and category, so that what was clicked before is found again.
    """

    def __init__(
        self, parts: Parts, ids_at: tuple[int, int, int], size: int, layers: tuple[int, ...], buckets: int, width: int, dropout: float
    ) -> None:
        super().__init__()
        self.ids = Identities(len(parts.ids), buckets, width)
        self.reads = bool(parts.history)
        self.buckets, self.size = buckets, size
        self.category_at, self.campaign_at, self.creative_at = ids_at
        wide = 2 * len(parts.dense)
        told = 0
        if self.reads:
            self.things = nn.Embedding(buckets + 1, size)
            self.categories = nn.Embedding(len(CATEGORIES), size)
            self.campaigns = nn.Embedding(buckets + 1, size)
            self.kinds = nn.Embedding(len(KINDS), size)
            for table in (self.things, self.campaigns):
                nn.init.normal_(table.weight, std=0.05)
            self.ask, self.key, self.value = (nn.Linear(size, size, bias=False) for _ in range(3))
            self.mixed = nn.Linear(2 * size, size)
            self.faded = nn.Parameter(torch.zeros(len(KINDS)))
            self.met = nn.Parameter(torch.tensor([2.0, 1.0]))
            told = 3 * size + 2
        self.deep = tower(wide + self.ids.out + told, layers, dropout)
        self.last, self.linear = nn.Linear(layers[-1], 1, bias=False), nn.Linear(wide, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(1))
        nn.init.zeros_(self.linear.weight)

    def forward(self, dense: Any, codes: Any, history: Any) -> Any:
        flat = dense.flatten(1)
        parts = [flat, self.ids(codes)]
        if self.reads:
            parts += self.told(codes, history)
        return self.last(self.deep(torch.cat(parts, dim=1))) + self.linear(flat) + self.bias

    def told(self, codes: Any, history: Any) -> list[Any]:
        """What the actions say of the candidate, the candidate itself, and their product, (n, size) each; and how much of them was
        with this very ad and with its category, recent actions counting more, (n, 2)."""
        thing, category, kind, age = (history[:, i * ACTIONS : (i + 1) * ACTIONS] for i in range(4))
        there = kind > 0.5
        number = torch.clamp(kind, 0.0, len(KINDS) - 1.0).to(torch.int64)
        known = torch.clamp(thing, 0.0, 2.0**24).to(torch.int64)
        place = torch.where(known > 0, 1 + torch.remainder(known, self.buckets), 0)
        topic = torch.clamp(category, 0.0, len(CATEGORIES) - 1.0).to(torch.int64)
        actions = self.things(place) + self.categories(topic) + self.kinds(number)
        own = torch.clamp(codes[:, self.category_at] - 1, 0, len(CATEGORIES) - 1)  # a category's code is its number
        target = self.things(codes[:, self.creative_at]) + self.categories(own) + self.campaigns(codes[:, self.campaign_at])
        recent = torch.exp(-torch.clamp(age, 0.0, 31.0) / HALF_WEIGHT_DAYS)
        creative = codes[:, self.creative_at : self.creative_at + 1]
        same = (there & (place == creative) & (creative > 0)).to(torch.float32)
        alike = (there & (topic == own[:, None])).to(torch.float32)
        asked = self.ask(target)[:, :, None]
        fit = (self.key(actions) @ asked)[:, :, 0] / self.size**0.5 + self.faded[number] - torch.clamp(age, 0.0, 31.0) / HALF_WEIGHT_DAYS
        fit = fit + self.met[0] * same + self.met[1] * alike
        fit = torch.where(there, fit, FAR)
        # One more place, of nothing: a user whose actions have to do with nothing, or who has none, says nothing.
        share = torch.softmax(torch.cat([fit, torch.zeros_like(fit[:, :1])], dim=1), dim=1)[:, :-1]
        found = (share[:, None, :] @ self.value(actions))[:, 0, :]
        met = torch.log1p(torch.stack([(recent * same).sum(dim=1), (recent * alike).sum(dim=1)], dim=1))
        return [found, target, self.mixed(torch.cat([found, target], dim=1)) * found, met]
