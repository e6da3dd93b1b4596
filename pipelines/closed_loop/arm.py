"""One arm of the closed loop: a platform of its own, served and taught day by day. What is done stays done, wherever it is interrupted."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from feature_repo.home import Home
from feature_repo.whole_file import whole_folder
from pipelines.closed_loop.arm_day import ArmDay, ServedPart, folder, read_days, read_served, write_day, write_served
from pipelines.closed_loop.learned_day import collect, learn, published
from pipelines.closed_loop.served_day import serve_day
from pipelines.errors import Refused
from pipelines.features.publish import publish
from pipelines.ingest.serving_log import SERVING
from pipelines.language.train import register, train
from serving.settings import Settings

Say = Callable[[str], None]
TAKEN: Final = ("events", "catalog", "truth", "staging")
"""What an arm takes over from the market's folder."""
OTHERS: Final = shutil.ignore_patterns(f"{SERVING}.parquet")
"""What it does not: what somebody else served."""
WARM: Final = "warm"
"""The mark that an arm has its first models."""
STORES: Final = ("eventlog", "state")
"""What serving writes."""


@dataclass(frozen=True)
class Arm:
    """settings: of the arm's own state folder, with its share of explored slates."""

    name: str
    settings: Settings
    ranker: str

    def prepare(self, market: Home, warm: Sequence[date], say: Say) -> None:
        """Takes the market's logs and features over, publishes the last of the warm days, and makes its first models from them."""
        home, last = self.settings.home, warm[-1]
        if not (home.root / "market.json").exists():
            say("taking over the market")
            for name in TAKEN:
                with whole_folder(home.root / name) as part:
                    shutil.copytree(market.root / name, part, ignore=OTHERS, dirs_exist_ok=True)
            shutil.copyfile(market.root / "market.json", home.root / "market.json")
        if (folder(home) / WARM).exists():
            return
        say("learning the words that people search with")
        for one in train(self.settings, last):
            try:
                register(self.settings, one, "champion", last)
            except Refused as refused:  # of few searches nothing can be learned: words alone match then
                say(str(refused))
        say(f"publishing {len(warm)} days")
        publish(self.settings, warm)
        learn(self.settings, last, self.ranker, say)
        folder(home).mkdir(parents=True, exist_ok=True)
        (folder(home) / WARM).touch()

    def run(self, first: date, days: int, say: Say, done: Callable[[ArmDay], None]) -> Sequence[ArmDay]:
        """Serves and learns `days` days from the first on; those that are done already are only told. Returns all of them."""
        for day in (first + timedelta(days=n) for n in range(days)):
            known = {one.day: one for one in read_days(self.settings.home)}
            done(known.get(day.isoformat()) or self._day(day, say))
        return read_days(self.settings.home)

    def _day(self, day: date, say: Say) -> ArmDay:
        home = self.settings.home
        served = read_served(home, day) or self.serve(day, lambda word: say(f"{day}: {word}"))
        began = time.monotonic()
        say(f"{day}: from the log to features")
        collect(self.settings, day)
        published(self.settings, [day])
        built = time.monotonic()
        learned = learn(self.settings, day, self.ranker, say)
        seconds = {**served.figures["seconds"], "features": built - began, "train": time.monotonic() - built}
        one = ArmDay(
            **{**served.figures, "seconds": seconds}, champion=learned.champion, promoted=learned.promoted, refused=learned.refused
        )
        write_day(home, one)
        return one

    def serve(self, day: date, say: Say) -> ServedPart:
        """Serves a day whole: what an interrupted run has written of it is taken back first."""
        home, yesterday = self.settings.home, read_served(self.settings.home, day - timedelta(days=1))
        kept = folder(home) / f"stores-before-{day}"
        if kept.exists():
            for name in STORES:
                shutil.rmtree(home.root / name, ignore_errors=True)
                if (kept / name).exists():
                    shutil.copytree(kept / name, home.root / name)
        else:
            with whole_folder(kept) as part:
                for name in STORES:
                    if (home.root / name).exists():
                        shutil.copytree(home.root / name, part / name)
        began = time.monotonic()
        happened, worth = serve_day(self.settings, day, yesterday.waiting if yesterday else [], say)
        served = ServedPart.of(day, happened, worth, time.monotonic() - began, self.settings.seed)
        write_served(home, day, served)
        shutil.rmtree(kept)
        return served
