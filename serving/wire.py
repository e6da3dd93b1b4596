"""What crosses the wire: the only place for pydantic models of requests and answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from feature_repo.events import BILLABLE_KINDS, ENGAGEMENT_KINDS
from serving.decision import Decision
from serving.eventlog.log import Event
from serving.request import AdRequest
from serving.settings import Settings

Word = Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00-\x1f]*$")]
Identity = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.:@-]+$")]
KINDS = tuple(dict.fromkeys([*BILLABLE_KINDS, *ENGAGEMENT_KINDS]))


class AdsBody(BaseModel):
    """A request for ads."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"surface": "proactive", "user_id": "u0000001", "device": "mobile", "slots": 2}]},
    )

    surface: Word = Field(description="Open surfaces: proactive.")
    user_id: Annotated[str, StringConstraints(max_length=128, pattern=r"^[A-Za-z0-9_.:@-]*$")] = ""
    request_id: Identity | None = Field(None, description="Yours, for replay; made when absent.")
    placement_id: Word = ""
    device: Word = "unknown"
    os: Word = ""
    region: Word = ""
    language: Word = ""
    slots: int = Field(1, ge=1, le=20)
    tmax_ms: int | None = Field(None, ge=1, le=60_000, description="Milliseconds you will wait.")
    consent: bool = Field(True, description="Personal data may be used.")

    def request(self, settings: Settings, made_id: str, now: datetime) -> AdRequest:
        return AdRequest(
            self.request_id or made_id, self.surface, self.user_id, now, self.placement_id, self.device, self.os, self.region,
            self.language, "", self.slots, self.tmax_ms or settings.tmax_ms, self.consent,
        )  # fmt: skip


class EventBody(BaseModel):
    """Something that happened to a shown ad."""

    model_config = ConfigDict(extra="forbid")

    event_id: Identity = Field(description="Yours and unique; sent again, it counts once.")
    decision_id: Identity
    creative_id: Identity
    kind: Literal[KINDS]  # type: ignore[valid-type]
    ts: AwareDatetime
    value_micros: int = Field(0, ge=0, le=10**15)

    def event(self) -> Event:
        return Event(self.event_id, self.decision_id, self.creative_id, self.kind, self.ts.astimezone(UTC), self.value_micros)


class EventsBody(BaseModel):
    """Up to 500 events."""

    model_config = ConfigDict(extra="forbid")
    events: list[EventBody] = Field(min_length=1, max_length=500)


def answer(decision: Decision, texts: list[dict[str, str]]) -> dict[str, object]:
    """The answer to POST /v1/ads; texts: headline, description, ... of each shown ad."""
    return {
        "decision_id": decision.decision_id,
        "rung": decision.rung,
        "no_ad_reason": decision.no_ad_reason,
        "flags": decision.flags,
        "policy": decision.policy,
        "ads": [
            {
                "position": ad.position, "creative_id": ad.creative_id, "campaign_id": ad.campaign_id, "pctr": ad.pctr,
                "price_micros": ad.price.price_micros if ad.price else 0,
                "charged_on": ad.price.charged_on if ad.price else "", **text,
            }
            for ad, text in zip(decision.shown, texts, strict=True)
        ],
    }  # fmt: skip
