"""Looks at what a champion did while it served; one that has left its band is kept out of the auction and rolled back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from feature_repo.days import end_of
from pipelines.errors import Missing, PipelineError
from pipelines.gates.guardrails import MATURED, NOW, Guardrail, GuardrailReading, Measure
from pipelines.registry import journal
from pipelines.served.traffic_counts import OTHERS, Counts, Labels, Offsets, counts
from pipelines.statistics.exact_intervals import calibration_interval, rate_ratio_interval, share_interval
from pipelines.warehouse.label_times import LabelTimes
from serving.bundles import Bundle
from serving.bundles.aliases import read_aliases, version_folder
from serving.errors import BundleRefused
from serving.eventlog.log import EventLog
from serving.settings import Settings

LEVEL: Final = 0.999
"""Level of the intervals. A guard looks every few seconds, and a 95 % interval would lie outside of its band by luck within the hour."""
BEFORE: Final = timedelta(hours=1)
"""How far back one step looks for what served before, and the most steps and ads."""
STEPS, ENOUGH = 24, 20_000
SWAP: Final = timedelta(seconds=15)
"""After this time every worker has taken up a new champion. A failure before that may be the fault of the model before it."""
NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Look:
    """What was seen of a champion. reason: why it must not serve on, "" while every guardrail holds; already: it is refused."""

    head: str
    version: str
    since: datetime
    until: datetime
    readings: tuple[GuardrailReading, ...]
    p99_ms: float | None
    already: str = ""

    @property
    def reason(self) -> str:
        return "; ".join(r.words for r in self.readings if not r.holds)


class Guard:
    """window: how much of the past a look at the present takes in; settle: after which a click has mostly come."""

    def __init__(
        self, settings: Settings, head: str, window: timedelta = timedelta(minutes=10), settle: timedelta = timedelta(seconds=20)
    ) -> None:
        self.settings, self.head, self._window, self._settle = settings, head, window, settle
        self._known: dict[datetime, Counts] = {}

    def now(self, log: EventLog, moment: datetime) -> Look:
        """The minutes before `moment`, since the champion took over. Raises PipelineError for a head without live guardrails."""
        if self.head not in NOW:
            raise PipelineError("head", self.head, f"Watched live: {', '.join(NOW)}.")
        version, took_over = self._champion()
        since = max(took_over, moment - self._window)
        labels = Labels(self._settle, self._times.window)
        blamed = NEVER if took_over == NEVER else took_over + SWAP
        mine = counts(log, self.head, f"{self.head}@{version}", since, moment, moment, labels, blamed, self._offsets(version))
        return self._look(version, since, moment, NOW[self.head], mine, self._before(log, took_over, labels, mine))

    def matured(self, log: EventLog, day: date, days: int) -> Look:
        """The champion's decisions of the `days` days up to `day` whose labels have matured at its end."""
        if self.head not in MATURED:
            raise PipelineError("head", self.head, f"Guarded: {', '.join(MATURED)}.")
        version, took_over = self._champion()
        until = end_of(day)
        since = max(took_over, until - timedelta(days=days))
        labels = Labels(self._times.maturity, self._times.window)
        mine = counts(log, self.head, f"{self.head}@{version}", min(since, until), until, until, labels, None, self._offsets(version))
        return self._look(version, since, until, MATURED[self.head], mine, Counts())

    @property
    def _times(self) -> LabelTimes:
        return LabelTimes.of(self.settings.training)

    def _offsets(self, version: str) -> Offsets | None:
        """The champion's positions; None where its files are gone, for which serving refuses it anyway."""
        try:
            return Bundle.inspect(version_folder(self.settings.home.bundles, self.head, version)).position_offset
        except BundleRefused:
            return None

    def _champion(self) -> tuple[str, datetime]:
        """Who serves, and since when. Raises Missing when nobody does."""
        bundles = self.settings.home.bundles
        version = read_aliases(bundles).get(self.head, {}).get("champion", "")
        if not version:
            raise Missing(f"{self.head} champion", "none", f"Promote one: `placard promote {self.head}`.")
        turn = journal.in_production(journal.read(bundles, self.head), datetime.max.replace(tzinfo=UTC)).get(self.head)
        since = datetime.fromisoformat(turn.at) if turn is not None and turn.version == version else NEVER
        return version, since

    def _before(self, log: EventLog, took_over: datetime, labels: Labels, mine: Counts) -> Counts:
        """Clicks, ads shown and how busy the machine was while something else served, the latest day, hour by hour until they are enough.
        Looked up once."""
        if took_over == NEVER or not (mine.shown or mine.late):
            return Counts()
        if took_over not in self._known:
            found = Counts()
            for step in range(STEPS):
                until = took_over - step * BEFORE
                as_of = min(took_over + labels.settle, until + BEFORE)
                one = counts(log, self.head, OTHERS, until - BEFORE, until, as_of, labels)
                rest = one.rest_ms if found.rest_ms != found.rest_ms else found.rest_ms
                found = Counts(clicks=found.clicks + one.clicks, shown=found.shown + one.shown, rest_ms=rest)
                if found.shown >= ENOUGH:
                    break
            self._known = {took_over: found}
        return self._known[took_over]

    def _look(
        self, version: str, since: datetime, until: datetime, rails: tuple[Guardrail, ...], mine: Counts, before: Counts
    ) -> Look:  # fmt: skip
        known = measures(mine, before)
        refused = journal.refused(self.settings.home.bundles).get(self.head, {}).get(version, "")
        p99 = None if mine.p99_ms != mine.p99_ms else mine.p99_ms
        return Look(self.head, version, since, until, tuple(GuardrailReading(r, known[r.measure]) for r in rails), p99, refused)


def measures(mine: Counts, before: Counts) -> dict[str, Measure]:
    """Every measure that a guardrail may name, from the counts of the champion and of what served before it."""
    first = _promises("calibration_ratio", mine.predicted, mine.observed, mine.rows)
    further = _promises("further_calibration_ratio", mine.further_predicted, mine.further_observed, mine.further_rows)
    found = [
        first,
        further,
        _share("slow_share", mine.slow(_busier(mine, before)), len(mine.times) + mine.late),
        _share("failing_share", mine.failing, mine.decisions),
    ]
    if mine.shown and before.shown and mine.clicks + before.clicks:
        low, high = rate_ratio_interval(mine.clicks, mine.shown, before.clicks, before.shown, LEVEL)
        value = (mine.clicks / mine.shown) / (before.clicks / before.shown) if before.clicks else None
        found.append(Measure("click_rate_ratio", value, low, high, mine.shown, mine.clicks))
    else:
        found.append(Measure("click_rate_ratio", None, None, None, mine.shown, mine.clicks))
    return {m.name: m for m in found}


def _busier(mine: Counts, before: Counts) -> float:
    """How many times as long as before all stages but scoring take: a busy machine makes every stage slow, a slow model its own. nan where
    nothing served before."""
    return mine.rest_ms / before.rest_ms if before.rest_ms > 0 and mine.rest_ms > 0 else float("nan")


def _promises(name: str, predicted: float, observed: int, rows: int) -> Measure:
    found = calibration_interval(predicted, observed, rows, LEVEL)
    return Measure(name, found.value, found.low if rows else None, found.high, rows, observed)


def _share(name: str, events: int, rows: int) -> Measure:
    if not rows:
        return Measure(name, None, None, None, 0, 0)
    return Measure(name, events / rows, *share_interval(events, rows, LEVEL), rows, events)
