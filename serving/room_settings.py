"""The settings of each room, typed, with their defaults and bounds; serving/settings.py reads them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class Room(BaseModel):
    """Settings of one room."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HttpSettings(Room):
    """The edge: where it listens, whom it answers."""

    host: str = Field("127.0.0.1", description="Address to bind; anything but loopback needs a token")
    port: int = Field(8080, ge=0, le=65535, description="Port of the API; 0 picks a free one")
    workers: int = Field(1, ge=1, description="Serving processes")
    token: SecretStr | None = Field(None, description="Bearer token for decisions, metrics and non-loopback binds")
    event_keys: tuple[SecretStr, ...] = Field(
        (), description="Keys that sign event tokens: the first signs, all verify; left out: one of the state folder's own"
    )
    public_url: str = Field("", description="Where browsers reach the API, for the addresses in answers; left out: they have no host")
    max_body_bytes: int = Field(256 * 1024, ge=1024, description="Largest request body")
    tmax_ms: int = Field(100, ge=1, description="Default deadline of a request, from its arrival")
    decisions_at_once: int = Field(2, ge=1, description="Decisions made at once in a worker, each in a thread")
    decisions_waiting: int = Field(8, ge=0, description="Decisions that may wait for a thread in a worker; more are answered 503")
    events_at_once: int = Field(2, ge=1, description="Requests with events that are billed at once in a worker")
    events_waiting: int = Field(64, ge=0, description="Requests with events that may wait in a worker; more are answered 503")
    connections: int = Field(512, ge=1, description="Connections open at once in a worker; more are answered 503 and closed")
    receive_seconds: float = Field(10, gt=0, description="Time for the head of a request to arrive, and again for its body")
    send_seconds: float = Field(10, gt=0, description="Time after which a client that reads nothing of its answer is cut off")
    allowed_origins: tuple[str, ...] = Field(
        (), description="Origins whose pages may call the API from a browser, as `https://shop.example`; `*`: all"
    )
    consent_when_absent: Literal["given", "refused"] | None = Field(
        None, description="Whether personal data may be used where a request does not say; a server needs it: given or refused"
    )


class EngineSettings(Room):
    """How much work a request is."""

    candidates: int = Field(1000, ge=1, description="Most ads that are scored for a request")
    stage_shares: tuple[float, ...] = Field(
        (0.1, 0.2, 0.1, 0.5, 0.1),
        description="Shares of a request's deadline: sourcing with all before it, recall, integrity, precision, delivery; together 1",
    )
    primary_at_once: int = Field(32, ge=1, description="Calls of the champion at once in a worker; beyond them the fallback answers")

    @field_validator("stage_shares")
    @classmethod
    def _one_deadline(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if len(shares) != 5 or min(shares, default=0) <= 0 or abs(sum(shares) - 1) > 1e-6:
            raise ValueError("five shares above 0 that add up to 1 are needed")
        return shares


class SourcingSettings(Room):
    """Which ads a search considers."""

    semantic_quota: int = Field(200, ge=0, description="Search ads found by meaning, whatever keywords find")
    semantic_below: int = Field(300, ge=0, description="Search ads below which more are found by meaning")


class IntegritySettings(Room):
    """Which ads a search may not show."""

    rival_brand_ads: bool = Field(False, description="Show others' ads to who searches for one brand by name")
    least_relevance: float = Field(
        0.08, ge=0, le=1, description="By how much a query's words raise the probability of an ad's category for the ad to be shown"
    )


class PrecisionSettings(Room):
    """When the champion is asked."""

    speculative: bool = Field(True, description="With an alias `fast`: ask the champion only where the fast model leaves a place open")
    speculative_confidence: float = Field(0.85, ge=0.5, lt=1, description="How certain a candidate's place must be to skip the champion")
    primary_batch: int = Field(
        64, ge=16, description="Candidates in a call of the champion that speculates; the deadline is looked at between calls"
    )


class DeliverySettings(Room):
    """The auction, and the page that it fills."""

    explore_share: float = Field(0.02, ge=0, le=1, description="Share of slates drawn at random, with propensities")
    reserve_micros: int = Field(50_000, ge=0, description="Least eCPM where a placement names none, micros per thousand")
    hide_cost_micros: int = Field(
        100_000, ge=0, description="Revenue lost through one hide or report of a suggestion, micros: what the user no longer brings"
    )
    top_slots: int = Field(2, ge=0, description="Search ads above the results; the others stand below")
    top_factor: float = Field(1.5, ge=1, description="How many times the floor a search ad's rank score must be to stand above")
    informational_slots: int = Field(1, ge=0, description="Fewest slots of a search that only wants to know")
    one_ad_per_advertiser: bool = Field(True, description="On a page of search ads")
    blocked_terms: tuple[str, ...] = Field((), description="Words that are never inserted into an ad's text")


class LanguageSettings(Room):
    """Text models."""

    text_encoder_path: str = Field("", description="Folder with model.onnx and tokenizer.json: encodes instead of the learned text encoder")


class SurfaceSettings(Room):
    """What other distributions add to the surfaces."""

    search_plugin_sources: tuple[str, ...] = Field((), description="Sources of other distributions that search asks too, by entry point")
    search_plugin_rules: tuple[str, ...] = Field((), description="Rules of other distributions that search ads must keep, by entry point")
    proactive_plugin_sources: tuple[str, ...] = Field((), description="The same sources, for proactive suggestions")
    proactive_plugin_rules: tuple[str, ...] = Field((), description="The same rules, for proactive suggestions")


class WorkerSettings(Room):
    """What a serving process does beside answering."""

    swap_poll_seconds: float = Field(1.0, gt=0, description="How often a worker looks for a new model or snapshot")
    shadow_queue: int = Field(256, ge=0, description="Decisions that may wait for each shadow; more are dropped; 0: no shadow scores")


class AttributionSettings(Room):
    """Which events count for an ad that was shown."""

    impression_window_hours: float = Field(1, gt=0, le=24, description="Hours after its decision in which an impression counts")
    click_window_hours: float = Field(24, gt=0, le=24 * 30, description="Hours after its decision in which a click, or a hide, counts")
    conversion_window_hours: float = Field(24 * 30, gt=0, le=24 * 90, description="Hours after its decision in which a conversion counts")
    hide_days: float = Field(30, gt=0, le=365, description="Days that a hide or a report keeps ads from the user")
    most_clicks_a_minute: int = Field(
        20, ge=1, description="Clicks of one user in a minute beyond which they are no person's, and cost nothing"
    )
    clock_skew_seconds: float = Field(300, ge=0, le=3600, description="How far the clocks of pages may differ from the server's")


class EventLogSettings(Room):
    """How long decisions and events are kept."""

    eventlog_days: int = Field(
        400, ge=91, description="Days that the event log keeps; never less than the longest window in which an event counts"
    )


class RetentionSettings(Room):
    """How long days of events, features and training sets are kept, and where."""

    warm_days: int = Field(30, ge=1, le=3660, description="Days that partitions stay where everything reads; older ones are moved")
    cold_days: int = Field(365, ge=2, le=36600, description="Days that partitions are kept at all")
    cold_path: str = Field("", description="Folder of what was moved; left out: `cold` in the state folder")


class StoreSettings(Room):
    """Servers that are not ours."""

    mlflow_uri: str = Field("", description="MLflow's database or server; default: SQLite in the state folder")
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0?socket_timeout=1", description="Redis that keeps money, caps and events when clustered: one server"
    )
    profiles_redis_url: str = Field(
        "",
        description="Redis that keeps users' rows when clustered, as `redis://host:6379/1`, or a Redis Cluster, as"
        " `redis+cluster://host:6379,host:6379`; left out: the one above",
    )
    redis_may_forget: bool = Field(
        False, description="Serve although Redis keeps no append-only file, or evicts: spend and events may be lost"
    )

    @property
    def rows_url(self) -> str:
        """Where users' rows lie when clustered."""
        return self.profiles_redis_url or self.redis_url


class CacheSettings(Room):
    """What is kept of what serving reads from stores, and for how long. A level without a size, or an address, is off."""

    cache_l1_bytes: int = Field(64 * 1024 * 1024, ge=0, description="Memory of the cache in each worker; 0: none")
    cache_l1_seconds: float = Field(300, gt=0, le=86_400, description="How long an entry lasts there")
    cache_l2_url: str = Field(
        "", description="Redis that caches for all workers, as `redis://host:6379/0`; not the one that keeps money, since it should evict"
    )
    cache_l2_seconds: float = Field(3600, gt=0, le=86_400, description="How long an entry lasts there")
    cache_regional_url: str = Field("", description="Redis that caches for all machines of a region, asked after the one above")
    cache_regional_seconds: float = Field(3600, gt=0, le=86_400, description="How long an entry lasts there")
    cache_negative_seconds: float = Field(30, gt=0, le=3600, description="How long a user is remembered as unknown")
    cache_jitter: float = Field(0.1, ge=0, lt=1, description="Share of its time by which an entry may end earlier, at random")
    cache_deadline_ms: float = Field(5, gt=0, description="What caches on other machines may take of a request, all together")


class IngestSettings(Room):
    """Logs."""

    sources: tuple[str, ...] = Field(("simulator", "serving"), description="Logs that `ingest day` collects every day")
    most_bad_share: float = Field(0.05, ge=0, le=1, description="Share of malformed rows in a log above which none of it is taken")


class FeatureSettings(Room):
    """How features are made."""

    embeddings: Literal["factorisation", "two_tower"] = Field(
        "factorisation", description="What makes the vectors of users and ads; two_tower needs `make train-env`"
    )
    least_input_share: float = Field(
        0.2, ge=0, le=1, description="Share of the usual rows of each event table that a day needs to be built; 0: no least"
    )
    least_rows_share: float = Field(
        0.5, ge=0, le=1, description="Share of the last published day's rows that a feature table needs to be published; 0: no least"
    )
    budget_share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Part of each campaign's daily budget that is published here, where platforms with ledgers of their own have the rest",
    )


class TrainingSettings(Room):
    """What rankers learn from, and where."""

    label_window_hours: int = Field(
        24, gt=0, description="An outcome within so long of its impression or click counts as its label; what comes later does not"
    )
    label_maturity_hours: int = Field(
        24, ge=0, description="A row is used once so long has passed; below label_window_hours newer rows are, and slow outcomes are missed"
    )
    history_days: int = Field(
        30,
        ge=1,
        le=3660,
        description="Days, up to the one that is trained on, that rankers and text models learn from; older rows are left out",
    )
    negative_rate: float = Field(0.25, gt=0, le=1, description="Share of negatives kept in training")
    train_command: str = Field("", description="`placard` of the environment with torch; default: .venv-train beside this one")


class GateSettings(Room):
    """What a promotion asks for."""

    require_evidence: bool = Field(
        False, description="Promotions over a champion need every gate measured: shadow, off-policy value and skew, too"
    )
