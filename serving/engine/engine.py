"""The only runner: order, timing, deadline, error policy and accounting of the stages. Components know nothing of these."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from serving.engine.candidates import Candidates, Scores
from serving.engine.live import Live
from serving.engine.stage_shares import StageShares
from serving.engine.stages import NOBODY, Context, Filter, Promiser, Slate
from serving.engine.surface import Surface
from serving.engine.tiers import Tiers
from serving.errors import ServingError
from serving.record.decision import LATE_FLAG, Decision, Funnel
from serving.record.request import AdRequest
from serving.seldom import SELDOM
from serving.settings import Settings

log = logging.getLogger(__name__)

FEW: Final = 250
"""Candidates that are recalled and scored when the request is late."""
ROUNDS: Final = 8
"""How often a page is decided again because a campaign could not be promised what it needs; after that nothing is shown."""
CAME_LATE: Final = "late"
"""The reason of a no-ad that was decided without a look: the deadline had passed while the request waited for its turn."""


class Run:
    """What is kept of one request while it is decided: elapsed time, milliseconds by stage, candidates by source, drops by rule, and the
    flags of what failed."""

    def __init__(self, request: AdRequest, arrived: float | None, decision_id: str) -> None:
        self.request, self.decision_id = request, decision_id
        self.started = self._mark = time.perf_counter() if arrived is None else arrived
        self.stage_ms: dict[str, float] = {}
        self.sources: dict[str, int] = {}
        self.rejected: dict[str, int] = {}
        self.errors: list[str] = []
        """Components that failed, `<component>_failed:<error>`, each once."""
        self.late = False
        """Fewer candidates are scored for want of time: nothing failed."""
        self.narrowed = 0
        self.unpromised = False
        """An ad that had won a place was not promised what it asked for."""

    def stage(self, name: str) -> None:
        """Ends a stage: its wall time since the one before."""
        now = time.perf_counter()
        self.stage_ms[name] = (now - self._mark) * 1000
        self._mark = now

    @property
    def spent(self) -> float:
        """Share of the deadline that is gone."""
        return (time.perf_counter() - self.started) * 1000 / self.request.tmax_ms

    def failed(self, component: object, error: Exception) -> None:
        name = type(component).__name__
        failure = f"{name}_failed:{type(error).__name__}"
        if failure not in self.errors:
            self.errors.append(failure)
        said = str(error) if self.request.consent else type(error).__name__  # an error may repeat what was asked
        SELDOM.log(log, logging.WARNING, failure, "%s failed: %s", name, said)

    def reject(self, component: object, count: int) -> None:
        if count:
            name = type(component).__name__
            self.rejected[name] = self.rejected.get(name, 0) + count


class Engine:
    """Decides requests. Stateless between them: what changes is in `live`, the ledger and the online store."""

    def __init__(
        self, surfaces: Mapping[str, Surface], settings: Settings, promises: Promiser | None = None,
        name: Callable[[AdRequest], str] = lambda request: uuid.uuid4().hex,
    ) -> None:  # fmt: skip
        """promises: secures what pages ask for; None where nothing is shown for real, as in evaluations. name: gives a decision its
        identity, which no other may have."""
        self._surfaces, self._settings, self._promises, self._name = surfaces, settings, promises, name
        self.shares = StageShares(settings.engine.stage_shares)
        self._ends = self.shares.ends
        self.tiers = Tiers(settings.engine.primary_at_once)

    @property
    def surfaces(self) -> tuple[str, ...]:
        """The surfaces that are open."""
        return tuple(self._surfaces)

    def decide(self, request: AdRequest, live: Live, arrived: float | None = None) -> Decision:
        """The decision for a request: always an answer, at worst an explicit no-ad with its reason. arrived: the moment at which the
        request came, by time.perf_counter; its deadline counts from there. None: now.

        sourced = shown + held + rejected + narrowed holds for each. Raises ServingError for a surface that is not open.
        """
        surface = self._surfaces.get(request.surface)
        if surface is None:
            raise ServingError("surface", request.surface, f"Open surfaces: {', '.join(self._surfaces)}.")
        run = Run(request, arrived, self._name(request))
        context = NOBODY
        if arrived is not None:
            run.stage("queue")
            if run.spent >= 1:
                return self._decision(run, live, context, None, Slate((), ()), CAME_LATE)
        for understander in surface.understanding:
            try:
                context = understander.understand(request, context, live)
            except Exception as error:  # the others go on from what is understood so far
                run.failed(understander, error)
        run.stage("understanding")
        if not context.user:  # without consent and age nothing may be shown
            return self._decision(run, live, context, None, Slate((), ()), "not_understood")
        candidates = self._source(surface, run, context, live)
        run.stage("sourcing")
        if candidates is None:
            return self._decision(run, live, context, None, Slate((), ()), "no_inventory")
        candidates = self._filter(surface.eligibility, run, context, candidates)
        candidates = self._recall(surface, run, context, candidates)
        run.stage("recall")
        candidates = self._filter(surface.integrity, run, context, candidates)
        run.stage("integrity")
        if len(candidates) == 0:
            return self._decision(run, live, context, None, Slate((), ()), "no_candidate")
        scored, scores = self._score(surface, run, context, candidates, live)
        run.stage("precision")
        slate, sellable = Slate((), ()), scored
        if scores is not None:
            slate, sellable = self._allocate(surface, run, context, scored, scores, live)
        run.stage("delivery")
        for rule, count in slate.dropped.items():
            run.rejected[rule] = run.rejected.get(rule, 0) + count
        held = 0 if scores is None else len(sellable) - len(slate.shown) - sum(slate.dropped.values())
        reason = "" if slate.shown else "no_score" if scores is None else "not_promised" if run.unpromised else "nothing_above_floor"
        return self._decision(run, live, context, scores, slate, reason, held, len(scored) if scores is None else 0)

    def _source(self, surface: Surface, run: Run, context: Context, live: Live) -> Candidates | None:
        """What the sources find, the first always; the others are not asked once the time of sourcing is gone and something is found."""
        found: Candidates | None = None
        for source in surface.sourcing:
            if found is not None and len(found) and run.spent > self._ends["sourcing"]:
                run.late = True
                break
            try:
                got = source.source(run.request, context, live, 0 if found is None else len(found))
            except Exception as error:  # a source that fails is counted, the others go on
                run.failed(source, error)
                continue
            name = type(source).__name__
            if found is not None:
                got = got.without(found)
            run.sources[name] = run.sources.get(name, 0) + len(got)
            found = got if found is None else found.join(got)
        return found if found is not None and len(found) else None

    def _filter(self, rules: tuple[Filter, ...], run: Run, context: Context, candidates: Candidates) -> Candidates:
        for rule in rules:
            if len(candidates) == 0:
                break
            try:
                mask = rule.admit(run.request, context, candidates)
                if mask.dtype != bool or mask.shape != (len(candidates),):
                    raise ServingError(type(rule).__name__, str(mask.shape), f"A mask of {len(candidates)} is needed.")
            except Exception as error:  # integrity fails closed
                run.failed(rule, error)
                mask = np.zeros(len(candidates), bool)
            kept = int(np.count_nonzero(mask))
            run.reject(rule, len(candidates) - kept)
            if kept < len(candidates):
                candidates = candidates.keep(mask)
        return candidates

    def _recall(self, surface: Surface, run: Run, context: Context, candidates: Candidates) -> Candidates:
        """The best candidates; fewer where recall's own time was gone before it began."""
        wanted = self._settings.engine.candidates
        if run.spent > self._ends["recall"] and min(wanted, len(candidates)) > FEW:
            wanted, run.late = FEW, True
        for recaller in surface.recall:
            try:
                found = recaller.recall(run.request, context, candidates, wanted)
                if len(found) > max(wanted, 0) and len(found) > 0:
                    raise ServingError(type(recaller).__name__, len(found), f"At most {wanted} were asked for.")
            except Exception as error:  # the next recaller is asked
                run.failed(recaller, error)
                continue
            run.narrowed += len(candidates) - len(found)
            return found
        run.narrowed += max(len(candidates) - wanted, 0)
        return candidates.take(np.arange(min(wanted, len(candidates))))

    def _score(self, surface: Surface, run: Run, context: Context, candidates: Candidates, live: Live) -> tuple[Candidates, Scores | None]:
        """FEW candidates are scored where the stages before have used more than their time, and no model is asked where precision's own is
        gone: past rates rank them."""
        if run.spent > self._ends["integrity"] and len(candidates) > FEW:
            run.narrowed += len(candidates) - FEW
            candidates = candidates.take(np.arange(FEW))
            run.late = True
        scorers = surface.precision if run.spent < self._ends["precision"] else surface.precision[-1:]
        context = replace(context, allowance=self.tiers.until(run.started + self._ends["precision"] * run.request.tmax_ms / 1000))
        for scorer in scorers:
            try:
                if not scorer.enable(run.request, context, live):
                    continue
                scores = scorer.score(run.request, context, candidates, live)
                if scores.pctr.shape != (len(candidates),) or not np.isfinite(scores.pctr).all():
                    raise ServingError(type(scorer).__name__, str(scores.pctr.shape), f"{len(candidates)} finite scores are needed.")
                return candidates, scores
            except Exception as error:  # the next tier answers
                run.failed(scorer, error)
        return candidates, None

    def _allocate(
        self, surface: Surface, run: Run, context: Context, candidates: Candidates, scores: Scores, live: Live
    ) -> tuple[Slate, Candidates]:
        """The page, and the candidates among which it was decided. A campaign that cannot be promised what its ads ask for leaves, and the
        page is decided again without it."""
        for _ in range(ROUNDS):
            try:
                slate = surface.delivery.allocate(run.request, context, candidates, scores, live)
            except Exception as error:  # an auction that fails sells nothing
                run.failed(surface.delivery, error)
                break
            if self._promises is None:
                return slate, candidates
            try:
                refused = self._promises.refused(run.request, run.decision_id, slate, live)
            except Exception as error:  # what nobody promised is not sold
                run.failed(self._promises, error)
                run.unpromised = True
                break
            if not refused:
                return slate, candidates
            run.unpromised = True
            places = [candidates.snapshot.campaign_place[campaign] for campaign in refused]
            staying = ~np.isin(candidates.campaigns, places)
            run.reject(self._promises, len(candidates) - int(np.count_nonzero(staying)))
            candidates, scores = candidates.keep(staying), scores.keep(staying)
        return Slate((), ()), candidates

    def _decision(
        self, run: Run, live: Live, context: Context, scores: Scores | None, slate: Slate, reason: str,
        held: int = 0, unscored: int = 0,
    ) -> Decision:  # fmt: skip
        if unscored:
            run.rejected["Unscored"] = unscored
        rung = scores.rung if scores is not None and slate.shown else "no_ad"
        if rung == "full" and run.late:
            rung = "fewer_candidates"
        return Decision(
            decision_id=run.decision_id, request=run.request, decided_at=run.request.ts, rung=rung,
            policy=scores.policy if scores is not None else "", input=scores.input if scores is not None else "",
            snapshot=live.snapshot.version if live.snapshot is not None else "",
            funnel=Funnel(run.sources, run.rejected, run.narrowed, held, len(slate.shown)), shown=slate.shown, held=slate.held,
            explored=slate.explored, flags=(*context.flags, LATE_FLAG) if run.late else context.flags, errors=tuple(run.errors),
            no_ad_reason=reason, stage_ms=run.stage_ms, query=context.query,
            refused=live.all_barred(),
            scored={} if scores is None else scores.by(), conversion="" if scores is None else scores.conversion,
            lottery=slate.lottery,
        )  # fmt: skip
