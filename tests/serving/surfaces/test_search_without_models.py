"""A search before there is any ranker: what was bought for its words, at past rates, and the answer says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipelines.cli.explain import story
from serving.explain import why


def test_keywords_answer_without_a_ranker_and_say_so(searching: Any, over: Any, tmp_path: Any) -> None:
    decision = over(tmp_path, replace(searching.live, bundles={}))("running shoes")
    assert decision.shown and {ad.match for ad in decision.shown} == {"exact"}
    assert (decision.rung, decision.policy) == ("popular", "historical_rate")
    assert {"BundleScorer_failed:ServingError", "ConversionScorer_failed:ServingError", "language_absent"} <= {
        *decision.flags,
        *decision.errors,
    }
    assert all(0 < ad.pctr < 1 and ad.price.price_micros <= ad.bid_micros for ad in decision.shown)


def test_the_story_tells_match_quality_rank_price_and_text_of_every_ad(searching: Any) -> None:
    decision = searching.ask("running shoe")
    told = "\n".join(story(why(decision, None)))
    assert decision.shown and "running shoe" in told
    for ad in decision.shown:
        mine = told.split(ad.creative_id, 1)[1].split("\n[bold]", 1)[0]
        assert f"{ad.match} match of a close variant of \\[{ad.keyword}]" in mine or not ad.keyword
        assert f"quality score {ad.quality_parts.score} of 10" in mine and f"factor {ad.quality:.3f}" in mine
        assert f"{ad.price.price_micros:,} micros" in mine and f"pCTR {ad.pctr:.4%}" in mine and ad.text.headline in mine
