"""Watches aliases and the snapshot pointer; verifies what is new in a subprocess, then swaps one immutable Live."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from feature_repo.errors import PlacardError
from feature_repo.services import HEADS
from serving.bundles import Bundle
from serving.bundles.aliases import Aliases, read_aliases, version_folder
from serving.bundles.refusals import Refusals, read_refusals
from serving.bundles.verified import SMOKE_SECONDS, verified
from serving.engine.live import Live
from serving.errors import BundleRefused, BundleUnjudged
from serving.language.encoders import place_of
from serving.language.language import LANGUAGE, Language
from serving.language.text_encoder import ENCODER, Encoder
from serving.language.verified import verified_encoder, verified_language
from serving.seldom import SELDOM
from serving.settings import Settings
from serving.snapshot import Snapshot, current_version
from serving.snapshot.verified import verified_snapshot

log = logging.getLogger(__name__)
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
        self._judged: dict[tuple[Path, str], tuple[Stamp, PlacardError]] = {}
        self._again: dict[tuple[Path, str], tuple[float, BundleUnjudged]] = {}
        self.live = Live(None)
        self.refused: dict[str, str] = {}
        self.missing: dict[str, str] = {}
        self.swaps = 0

    @property
    def version(self) -> str:
        """Of the snapshot that is served; "" while there is none."""
        snapshot = self.live.snapshot
        return snapshot.version if snapshot is not None else ""

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
        """Takes up a new snapshot and new bundles, each only when it can be read and scored. What is wrong with one of them concerns that
        one alone; refusals count at once, since whoever kept a version out does not wait until others are judged."""
        refused: dict[str, str] = {}
        refusals = self._refusals(refused)
        if refusals != self.live.refusals:
            self.live = self.live.under(refusals)
        snapshot = self._snapshot(refused)
        aliases = self._aliases(refused)
        bundles = self._bundles(aliases, refused)
        champion = aliases.get(LANGUAGE, {}).get("champion", "")
        language = self._language(champion, refused)
        # The one that the ads were encoded with, whichever is champion by now: only of one encoder are vectors alike.
        encoded_with = snapshot.encoder_version if snapshot else ""
        encoder = self._encoder(encoded_with, refused)
        now = Live(snapshot, bundles, language, encoder, refusals)
        if now != self.live:
            self.live = now
            self.swaps += 1
        for name in sorted(refused.keys() - self.refused.keys()):
            log.error("%s refused, what served before goes on serving: %s", name, refused[name])
        removed = {name: f"not in the auction: {reason}" for name, reason in now.all_barred().items()}
        removed |= self._removed(LANGUAGE, champion) | self._removed(ENCODER, encoded_with)
        for name in sorted(removed.keys() - self.refused.keys()):
            log.error("%s is %s", name, removed[name])
        self.refused = refused | removed
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
            place = self._settings.home.snapshots / version
            return self._unless_refused(place, version, lambda: _prepared(place))
        except (PlacardError, OSError, ValueError) as error:
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
        return self._text_model(LANGUAGE, version, place, lambda: verified_language(place, version), self.live.language, refused)

    def _encoder(self, version: str, refused: dict[str, str]) -> Encoder | None:
        bundles, own = self._settings.home.bundles, self._settings.language.text_encoder_path
        place = place_of(version, bundles, own)
        return self._text_model(ENCODER, version, place, lambda: verified_encoder(version, bundles, own), self.live.encoder, refused)

    def _removed(self, head: str, version: str) -> dict[str, str]:
        """Why that version of a text model is not in use, by name, where somebody has removed it; no other stands in for it."""
        reason = self.live.refusals.get(head, {}).get(version)
        return {head: f"not in use: version {version} was removed: {reason}"} if reason is not None else {}

    def _text_model(
        self, head: str, version: str, place: Path, load: Callable[[], M], have: M | None, refused: dict[str, str]
    ) -> M | None:  # fmt: skip
        """That version of a text model, or the one in use when there is none or it cannot be taken up. None where it was removed: search
        then does without, as it does before the first one."""
        if self._removed(head, version):
            return None
        if not version or (have is not None and have.version == version):
            return have
        try:
            return self._unless_refused(place, version, load)
        except PlacardError as error:
            refused[head] = f"version {version}: {error}"
            return have

    def _unless_refused(self, place: Path, version: str, load: Callable[[], T]) -> T:
        """What is loaded from `place`. Refuses at once what was refused before and has not changed; what the machine was too busy to
        judge is tried again after a while. Raises PlacardError, whatever damaged files make a library raise."""
        key, stamp = (place, version), _stamp(place)
        known, waiting = self._judged.get(key), self._again.get(key)
        if known is not None and known[0] == stamp:
            raise known[1].with_traceback(None)
        if waiting is not None and time.monotonic() < waiting[0]:
            raise waiting[1].with_traceback(None)
        try:
            loaded = load()
        except MemoryError:  # the machine's
            raise BundleUnjudged(place.name, str(place), "Too little memory is left; it is tried again.") from None
        except BundleUnjudged as error:
            self._again[key] = (time.monotonic() + SMOKE_SECONDS, error)
            raise
        except PlacardError as error:
            self._judged[key] = (stamp, error)
            raise
        except Exception as error:  # no library says what it raises on files that were made to hurt it
            refusal = BundleRefused(place.name, str(place), f"It cannot be read ({type(error).__name__}: {error}); make it again.")
            self._judged[key] = (stamp, refusal)
            raise refusal from error
        self._judged.pop(key, None)
        self._again.pop(key, None)
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
                except PlacardError as error:
                    refused[f"{head}@{alias}"] = f"version {version}: {error}"
                    if have is not None:
                        bundles[head, alias] = have
        return bundles

    def _load(self, head: str, version: str) -> Bundle:
        """A bundle that scores well in a process of its own. Raises BundleRefused, and BundleUnjudged where the machine was too busy."""
        for other in self.live.bundles.values():
            if (other.manifest.head, other.manifest.version) == (head, version):
                return other
        place = version_folder(self._settings.home.bundles, head, version)
        return self._unless_refused(place, version, lambda: verified(place, head, version))


def _prepared(place: Path) -> Snapshot:
    snapshot = verified_snapshot(place)
    snapshot.prepare()
    return snapshot


def _stamp(place: Path) -> Stamp:
    """Changes when a file of the bundle does."""
    try:
        return tuple((f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in sorted(place.glob("*")))
    except OSError:  # a file went while we looked
        return ()
