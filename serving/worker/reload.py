"""Watches aliases and the snapshot pointer; verifies what is new in a subprocess, then swaps one immutable Live."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from feature_repo.errors import PlacardError
from feature_repo.services import HEADS
from serving.bundles import Bundle
from serving.bundles.aliases import Aliases, read_aliases, version_folder
from serving.bundles.refusals import Refusals, read_refusals
from serving.engine.live import Live
from serving.errors import BundleRefused
from serving.language.encoders import encoder_of, place_of
from serving.language.language import LANGUAGE, Language
from serving.language.text_encoder import ENCODER, Encoder
from serving.seldom import SELDOM
from serving.settings import Settings
from serving.snapshot import Snapshot, current_version, open_snapshot

log = logging.getLogger(__name__)
SMOKE_SECONDS = 60
SMOKE = "import sys; sys.modules.update(sklearn=None, pandas=None); from serving.bundles.smoke import main; main()"
"""XGBoost imports these two where they are installed and scoring needs neither: 0.7 s instead of 2.9, on a machine that is serving."""
M = TypeVar("M", Language, Encoder)
T = TypeVar("T")
Stamp = tuple[tuple[str, int, int], ...]


class Reloader:
    """live: what to serve. refused: what could not be taken up and why, by name; the old one goes on serving. missing: what is served from
    memory although its folder is gone, by name: a worker that starts could not serve it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="reload", daemon=True)
        self._judged: dict[tuple[Path, str], tuple[Stamp, BundleRefused]] = {}
        self.live = Live(None)
        self.refused: dict[str, str] = {}
        self.missing: dict[str, str] = {}
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
        while not self._stop.wait(self._settings.worker.swap_poll_seconds):
            try:
                self.refresh()
            except Exception as error:  # the watcher must outlive whatever it finds
                SELDOM.log(log, logging.ERROR, f"reload: {type(error).__name__}", "reload failed", traceback=True)

    def refresh(self) -> None:
        """Takes up a new snapshot and new bundles, each only when it can be read and scored."""
        refused: dict[str, str] = {}
        snapshot = self._snapshot(refused)
        aliases = self._aliases(refused)
        bundles = self._bundles(aliases, refused)
        language = self._language(aliases.get(LANGUAGE, {}).get("champion", ""), refused)
        # The one that the ads were encoded with, whichever is champion by now: only of one encoder are vectors alike.
        encoder = self._encoder(snapshot.encoder_version if snapshot else "", refused)
        now = Live(snapshot, bundles, language, encoder, self._refusals(refused))
        if now != self.live:
            self.live = now
            self.swaps += 1
        for name, reason in now.all_barred().items():
            refused[name] = f"not in the auction: {reason}"
        for name in sorted(refused.keys() - self.refused.keys()):
            log.error("%s refused, what served before goes on serving: %s", name, refused[name])
        self.refused = refused
        missing = {name: f"{place} is gone" for name, place in self._places().items() if not place.exists()}
        for name in sorted(missing.keys() - self.missing.keys()):
            log.error("%s: %s; it is served from memory until this process ends", name, missing[name])
        self.missing = missing

    def _places(self) -> dict[str, Path]:
        """The folders of what is served, by name."""
        live, home = self.live, self._settings.home
        places = {f"{head}@{alias}": version_folder(home.bundles, head, b.manifest.version) for (head, alias), b in live.bundles.items()}
        if live.snapshot is not None:
            places["snapshot"] = home.snapshots / live.snapshot.version
        if live.language is not None:
            places[LANGUAGE] = version_folder(home.bundles, LANGUAGE, live.language.version)
        if live.encoder is not None:
            places[ENCODER] = place_of(live.encoder.version, home.bundles, self._settings.language.text_encoder_path)
        return places

    def _snapshot(self, refused: dict[str, str]) -> Snapshot | None:
        """The snapshot that is current, or the one in use when that cannot be taken up."""
        old = self.live.snapshot
        try:
            version = current_version(self._settings.home.snapshots)
            if old is not None and old.version == version:
                return old
            snapshot = open_snapshot(self._settings.home.snapshots / version)
            snapshot.prepare()
            return snapshot
        except (PlacardError, OSError, LookupError, ValueError) as error:
            refused["snapshot"] = str(error)
            return old

    def _aliases(self, refused: dict[str, str]) -> Aliases:
        """Those in force; none where there are none or they cannot be read, and what is in use goes on."""
        try:
            return read_aliases(self._settings.home.bundles)
        except PlacardError as error:
            refused["aliases"] = str(error)
            return {}

    def _refusals(self, refused: dict[str, str]) -> Refusals:
        """Those in force; those that were when the file cannot be read."""
        try:
            return read_refusals(self._settings.home.bundles)
        except PlacardError as error:
            refused["refusals"] = str(error)
            return self.live.refusals

    def _language(self, version: str, refused: dict[str, str]) -> Language | None:
        place = version_folder(self._settings.home.bundles, LANGUAGE, version)
        return self._text_model(LANGUAGE, version, place, lambda: Language.load(place), self.live.language, refused)

    def _encoder(self, version: str, refused: dict[str, str]) -> Encoder | None:
        bundles, own = self._settings.home.bundles, self._settings.language.text_encoder_path
        place = place_of(version, bundles, own)
        return self._text_model(ENCODER, version, place, lambda: encoder_of(version, bundles, own), self.live.encoder, refused)

    def _text_model(
        self, head: str, version: str, place: Path, load: Callable[[], M], have: M | None, refused: dict[str, str]
    ) -> M | None:  # fmt: skip
        """That version of a text model, or the one in use when there is none or it is refused."""
        if not version or (have is not None and have.version == version):
            return have
        try:
            return self._unless_refused(place, version, load)
        except PlacardError as error:
            refused[head] = f"version {version}: {error}"
            return have

    def _unless_refused(self, place: Path, version: str, load: Callable[[], T]) -> T:
        """What is loaded from `place`. Refuses at once what was refused before and has not changed. Raises BundleRefused."""
        stamp = _stamp(place)
        known = self._judged.get((place, version))
        if known is not None and known[0] == stamp:
            raise known[1].with_traceback(None)
        try:
            loaded = load()
        except BundleRefused as error:
            self._judged[place, version] = (stamp, error)
            raise
        self._judged.pop((place, version), None)
        return loaded

    def _bundles(self, aliases: Aliases, refused: dict[str, str]) -> dict[tuple[str, str], Bundle]:
        """A bundle for every alias: the one it names, or the one in use when that is refused."""
        if not aliases:
            return dict(self.live.bundles)
        bundles: dict[tuple[str, str], Bundle] = {}
        for head, by in aliases.items():
            for alias, version in by.items():
                if alias == "challenger" or head not in HEADS:
                    continue
                have = self.live.bundle(head, alias)
                try:
                    bundles[head, alias] = have if have is not None and have.manifest.version == version else self._load(head, version)
                except BundleRefused as error:
                    refused[f"{head}@{alias}"] = f"version {version}: {error}"
                    if have is not None:
                        bundles[head, alias] = have
        return bundles

    def _load(self, head: str, version: str) -> Bundle:
        """A bundle that scores well in a process of its own. Raises BundleRefused."""
        for other in self.live.bundles.values():
            if (other.manifest.head, other.manifest.version) == (head, version):
                return other
        place = version_folder(self._settings.home.bundles, head, version)
        return self._unless_refused(place, version, lambda: _verified(place, head, version))


def _stamp(place: Path) -> Stamp:
    """Changes when a file of the bundle does."""
    try:
        return tuple((f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in sorted(place.glob("*")))
    except OSError:  # a file went while we looked
        return ()


def _verified(place: Path, head: str, version: str) -> Bundle:
    """Its weights are read here only once another process has read and scored them."""
    try:
        manifest = Bundle.inspect(place, head)
        said = (manifest.head, manifest.version)
        if said != (head, version):
            raise BundleRefused("bundle", f"{said[0]}@{said[1]}", f"It lies where {head}@{version} should; register again.")
        _smoke(place, head)
        return Bundle.load(place, head)
    except OSError as error:
        raise BundleRefused("bundle", str(place), f"It cannot be read: {error}") from None


def _smoke(place: Path, head: str) -> None:
    """Scores noise in a subprocess: weights that crash the library cannot take a worker down with them."""
    command = [sys.executable, "-c", SMOKE, str(place), head]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SMOKE_SECONDS)
    except subprocess.TimeoutExpired:
        raise BundleRefused("bundle", str(place), f"Scoring took more than {SMOKE_SECONDS} s.") from None
    if done.returncode != 0:
        raise BundleRefused("bundle", str(place), f"The smoke test failed: {done.stderr.strip()[-300:] or done.returncode}")
