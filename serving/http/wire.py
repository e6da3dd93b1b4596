"""What crosses the wire: the only place for pydantic models of requests and answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from feature_repo import request_words
from feature_repo.events import BILLABLE_KINDS, ENGAGEMENT_KINDS
from serving.eventlog.log import MOST_VALUE_MICROS, Event
from serving.record.request import AdRequest
from serving.settings import Settings
from serving.worker.billing import Bill

Word = Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00-\x1f]*$")]
Identity = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.:@-]+$")]
KINDS = tuple(dict.fromkeys([*BILLABLE_KINDS, *ENGAGEMENT_KINDS]))


def _encodable(text: object) -> object:
    """Text with a question mark for each half of a surrogate pair: a page that cuts its text within an emoji sends one."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else text


class Asker(BaseModel):
    """Who asks, from where, for how many ads and how long they will wait."""

    model_config = ConfigDict(extra="forbid")

    user_id: Annotated[str, StringConstraints(max_length=128, pattern=r"^[A-Za-z0-9_.:@-]*$")] = ""
    request_id: Identity | None = Field(None, description="Yours, for replay; made when absent.")
    placement_id: Word = ""
    device: Word = "unknown"
    os: Word = ""
    region: Word = ""
    language: Word = ""
    slots: int = Field(1, ge=1, le=20)
    tmax_ms: int | None = Field(None, ge=1, le=60_000, description="Milliseconds you will wait.")
    consent: bool | None = Field(None, description="Personal data may be used; left out: as the server's settings say.")

    def asked(self, surface: str, query: str, settings: Settings, made_id: str, now: datetime) -> AdRequest:
        """The request in the words of catalogues and logs; whoever gave no consent is nobody."""
        consent = settings.http.consent_when_absent == "given" if self.consent is None else self.consent
        return AdRequest(
            self.request_id or made_id, surface, self.user_id if consent else "", now, self.placement_id,
            request_words.device(self.device), request_words.system(self.os), request_words.region(self.region),
            request_words.language(self.language), query, self.slots, self.tmax_ms or settings.http.tmax_ms, consent,
        )  # fmt: skip


class AdsBody(Asker):
    """A request for ads."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"surface": "proactive", "user_id": "u0000001", "device": "mobile", "slots": 2}]},
    )

    surface: Word = Field(description="Open surfaces: proactive. Searches have a route of their own.")

    def request(self, settings: Settings, made_id: str, now: datetime) -> AdRequest:
        return self.asked(self.surface, "", settings, made_id, now)


class SearchBody(Asker):
    """A search for which ads are wanted."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"query": "cheap running shoes", "user_id": "u0000001", "device": "mobile", "slots": 4}]},
    )

    query: Annotated[str, BeforeValidator(_encodable), StringConstraints(max_length=2000)] = Field(
        description="As typed; any text is understood somehow."
    )
    slots: int = Field(4, ge=1, le=20)

    def request(self, settings: Settings, made_id: str, now: datetime) -> AdRequest:
        return self.asked("search", self.query, settings, made_id, now)


def _in_utc(moment: datetime) -> datetime:
    """Raises ValueError for a moment that no ad can have been shown at; the ends of the calendar have no UTC."""
    if not 2000 <= moment.year < 2100:
        raise ValueError("must lie between 2000 and 2100")
    return moment.astimezone(UTC)


class EventBody(BaseModel):
    """Something that happened to a shown ad."""

    model_config = ConfigDict(extra="forbid")

    event_id: Identity = Field(description="Yours and unique; sent again, it counts once.")
    decision_id: Identity
    creative_id: Identity
    kind: Literal[KINDS]  # type: ignore[valid-type]
    ts: Annotated[AwareDatetime, AfterValidator(_in_utc)] = Field(
        description="When it happened, between the decision and the end of its window; charged to that day, UTC."
    )
    value_micros: int = Field(0, ge=0, le=MOST_VALUE_MICROS)
    event_token: Annotated[str, StringConstraints(max_length=1024)] | None = Field(None, description="The ad's, from the answer.")

    def event(self) -> Event:
        return Event(self.event_id, self.decision_id, self.creative_id, self.kind, self.ts, self.value_micros)


class EventsBody(BaseModel):
    """Up to 500 events."""

    model_config = ConfigDict(extra="forbid")
    events: list[EventBody] = Field(min_length=1, max_length=500)


class ShownAd(BaseModel):
    """An ad to show. pctr: probability of a click; price_micros is due when an event of kind `charged_on` arrives.

    event_token: sent with an event, it says that this ad was shown. impression_url: a pixel that tells of the impression; click_url tells
    of a click and leads to the landing page.
    """

    position: int
    creative_id: str
    campaign_id: str
    pctr: float
    price_micros: int
    charged_on: str
    headline: str
    description: str
    call_to_action: str
    image_path: str
    landing_url: str
    event_token: str
    impression_url: str
    click_url: str
    image_url: str


class AdsAnswer(BaseModel):
    """rung: the step of the degradation ladder that answered; flags: defaults that were used, and why."""

    decision_id: str
    rung: str
    no_ad_reason: str
    flags: list[str]
    policy: str
    ads: list[ShownAd]


class EventsAnswer(BaseModel):
    """unknown: ids of events whose decision or ad is not known. late: ids of events that did not happen between their decision and the
    end of their window, with the reasons; they are kept apart and cost nothing. charged_micros: what these events cost in all."""

    accepted: int
    duplicate: int
    unknown: list[str]
    late: dict[str, Literal["before_the_decision", "after_the_window", "in_the_future"]]
    charged_micros: int


class Trouble(BaseModel):
    """thing: what is wrong, a field's path for bad input; value: what was seen; fix: what would do."""

    thing: str
    value: str
    fix: str


class Problem(BaseModel):
    error: Trouble


class Understanding(BaseModel):
    """How the query was read: normalised with its spelling corrected, what it wants, and how likely it is to buy."""

    normalised: str
    corrections: list[tuple[str, str]]
    intent: str
    commercial: float
    categories: list[tuple[str, float]]
    entities: list[str]


class SearchAd(ShownAd):
    """block: top or bottom of the page. match: exact, phrase, broad or semantic; quality_score: 1 to 10. Texts are ready for HTML."""

    block: str
    match: str
    keyword: str
    quality_score: int


class SearchAnswer(AdsAnswer):
    understanding: Understanding | None
    ads: list[SearchAd]  # type: ignore[assignment]


def billed(bill: Bill) -> dict[str, object]:
    """The answer to POST /v1/events."""
    return {
        "accepted": bill.accepted,
        "duplicate": bill.duplicate,
        "unknown": bill.unknown,
        "late": bill.late,
        "charged_micros": bill.charged_micros,
    }
