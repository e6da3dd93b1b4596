"""What a user would pick instead, one file a peer; `make peers` installs their libraries. A new one is a file and a line below."""

from __future__ import annotations

from typing import Final

from pipelines.bench.rankers.peers.catboost import CatboostPeer
from pipelines.bench.rankers.peers.dcn_v2 import DcnV2Peer
from pipelines.bench.rankers.peers.hist_gradient_boosting import HistGradientBoostingPeer
from pipelines.bench.rankers.peers.lightgbm import LightgbmPeer
from pipelines.bench.rankers.peers.peer import Peer

PEERS: Final[tuple[Peer, ...]] = (LightgbmPeer(), CatboostPeer(), HistGradientBoostingPeer(), DcnV2Peer())
