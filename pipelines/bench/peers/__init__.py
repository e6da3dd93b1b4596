"""What a user would pick instead, one file a peer; `make peers` installs their libraries. A new one is a file and a line below."""

from __future__ import annotations

from typing import Final

from pipelines.bench.peers.catboost import Catboost
from pipelines.bench.peers.dcn_v2 import DcnV2
from pipelines.bench.peers.hist_gradient_boosting import HistGradientBoosting
from pipelines.bench.peers.lightgbm import Lightgbm
from pipelines.bench.peers.peer import Peer

PEERS: Final[tuple[Peer, ...]] = (Lightgbm(), Catboost(), HistGradientBoosting(), DcnV2())
