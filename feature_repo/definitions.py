"""The only file that `feast apply` scans. PLACARD_HOME names the state folder here as it does in feature_store.yaml."""

from __future__ import annotations

import os
from pathlib import Path

from feature_repo.home import Home
from feature_repo.views import objects

for _object in objects(Home(Path(os.path.expandvars("$PLACARD_HOME")))):
    globals()[f"{type(_object).__name__.lower()}_{_object.name}"] = _object
