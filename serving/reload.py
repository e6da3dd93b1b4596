"""Watches aliases and the snapshot pointer; verifies what is new in a subprocess, then swaps one immutable Live."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

from feature_repo.errors import PlacardError
from feature_repo.services import INPUTS
from serving.bundles import Bundle
from serving.bundles.aliases import folder, read
from serving.errors import BundleRefused
from serving.live import Live
from serving.settings import Settings
from serving.snapshot import current_version, open_snapshot

log = logging.getLogger(__name__)
SMOKE_SECONDS = 60


class Reloader:
    """live: what to serve. refused: what could not be taken up and why, by name; the old one goes on serving."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="reload", daemon=True)
        self._judged: dict[Path, str] = {}
        self.live = Live(None)
        self.refused: dict[str, str] = {}
        self.swaps = 0

    def start(self) -> None:
        """Loads what there is, then watches."""
        self.refresh()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _watch(self) -> None:
        while not self._stop.wait(self._settings.swap_poll_seconds):
            try:
                self.refresh()
            except Exception:  # the watcher must outlive whatever it finds
                log.exception("reload failed")

    def refresh(self) -> None:
        """Takes up a new snapshot and new bundles, each only when it can be read and scored."""
        live = self.live
        snapshot, bundles = live.snapshot, dict(live.bundles)
        self.refused = {k: v for k, v in self.refused.items() if not k.startswith("snapshot")}
        try:
            version = current_version(self._settings.home.snapshots)
            if snapshot is None or snapshot.version != version:
                snapshot = open_snapshot(self._settings.home.snapshots / version)
                _ = snapshot.masks, snapshot.campaign_ids, snapshot.placements  # computed once, before it serves
        except PlacardError as error:
            self.refused["snapshot"] = str(error)
        try:
            aliases = read(self._settings.home.bundles)
        except PlacardError as error:
            self.refused["aliases"] = str(error)
            aliases = {}
        wanted = {(head, alias): version for head, by in aliases.items() for alias, version in by.items() if alias != "challenger"}
        for (head, alias), version in wanted.items():
            have = bundles.get((head, alias))
            if have is None or have.manifest.version != version:
                try:
                    bundles[head, alias] = self._load(head, version)
                    self.refused.pop(f"{head}@{alias}", None)
                except BundleRefused as error:
                    self.refused[f"{head}@{alias}"] = f"version {version}: {error}"
        bundles = {key: b for key, b in bundles.items() if key in wanted or not aliases}
        if snapshot is not live.snapshot or bundles != live.bundles:
            self.live = Live(snapshot, bundles)
            self.swaps += 1

    def _load(self, head: str, version: str) -> Bundle:
        """A bundle that scores well in a process of its own. Raises BundleRefused."""
        place = folder(self._settings.home.bundles, head, version)
        stamp = str((place / "manifest.json").stat().st_mtime_ns) if (place / "manifest.json").exists() else "absent"
        if self._judged.get(place) == f"refused {stamp}":
            raise BundleRefused("bundle", str(place), self.refused.get(str(place), "It was refused before and has not changed."))
        try:
            for other in self.live.bundles.values():
                if other.manifest.head == head and other.manifest.version == version:
                    return other
            bundle = Bundle.load(place, INPUTS.get(head))
            _smoke(place, head)
        except BundleRefused as error:
            self._judged[place] = f"refused {stamp}"
            self.refused[str(place)] = str(error)
            raise
        self.refused.pop(str(place), None)
        return bundle


def _smoke(place: Path, head: str) -> None:
    """Scores noise in a subprocess: weights that crash the library cannot take a worker down with them."""
    command = [sys.executable, "-m", "serving.bundles.smoke", str(place), head]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SMOKE_SECONDS)
    except subprocess.TimeoutExpired:
        raise BundleRefused("bundle", str(place), f"Scoring took more than {SMOKE_SECONDS} s.") from None
    if done.returncode != 0:
        raise BundleRefused("bundle", str(place), f"The smoke test failed: {done.stderr.strip()[-300:] or done.returncode}")
