"""What a user would pick instead, one file a peer; `make peers` installs their libraries. A new one is a file and a line below."""

from __future__ import annotations

from typing import Final

from pipelines.bench.rankers.peers.catboost import Catboost
from pipelines.bench.rankers.peers.dcn_v2 import DcnV2
from pipelines.bench.rankers.peers.hist_gradient_boosting import HistGradientBoosting
from pipelines.bench.rankers.peers.lightgbm import Lightgbm
from pipelines.bench.rankers.peers.peer import Peer

PEERS: Final[tuple[Peer, ...]] = (Lightgbm(), Catboost(), HistGradientBoosting(), DcnV2())
