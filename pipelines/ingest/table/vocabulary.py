"""What a row of a table can say: the fields of each kind of table, each with what its cells must be. A mapping names a column for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from feature_repo.events import ENGAGEMENT_KINDS
from feature_repo.taxonomy import AGE_BANDS, CATEGORIES, DEVICES, GENDERS, MATCH_TYPES, OBJECTIVES, SURFACES

Kind = Literal["identity", "time", "truth", "number", "whole", "money", "words", "word", "choice", "list"]
"""identity: text of up to 256 characters, as it stands. time: a moment. truth: yes or no, empty is no. number: of at least 0. whole: a
whole number of at least 0. money: an amount of currency. words: free text. word: a word that requests are compared with (request_words.py).
choice: one of some words. list: words with | between."""


@dataclass(frozen=True)
class MappedField:
    """What a column can be. required: a column or a constant must be named, and no cell may be empty. choices: the words of a `choice`,
    or of a `list` that holds no others. ahead: a time that may lie in the future."""

    kind: Kind
    meaning: str
    required: bool = False
    choices: tuple[str, ...] = ()
    ahead: bool = False


def _choice(meaning: str, choices: tuple[str, ...], required: bool = False) -> MappedField:
    return MappedField("choice", f"{meaning}: {', '.join(choices)}", required, choices)


_TS: Final = {"ts": MappedField("time", "when it happened", required=True)}
_SINCE: Final = {"ts": MappedField("time", "since when this is so", required=True)}
_ID: Final = {"id": MappedField("identity", "the log's own name of the row; without one a row is itself by what it says")}
_USER: Final = {"user": MappedField("identity", "who it was")}
_ITEM: Final = {"item": MappedField("identity", "the ad: an item, creative or product", required=True)}
_OF_ITEM: Final = {
    "campaign": MappedField("identity", "the ad's campaign; without one each item is a campaign of its own"),
    "ad_group": MappedField("identity", "the ad's group; without one the item's own"),
    "advertiser": MappedField("identity", "who advertises; without one each campaign has its own"),
}
_PLACE: Final = {
    "surface": _choice("where it was asked for", SURFACES),
    "placement": MappedField("identity", "the place on the page"),
    "device": MappedField("word", "kind of device"),
    "os": MappedField("word", "operating system"),
    "region": MappedField("word", "where the user was"),
    "language": MappedField("word", "the user's language"),
    "query": MappedField("identity", "the search it followed, by its id"),
    "position": MappedField("whole", "slot, the first is 1"),
}
_CONVERTED: Final = {
    "converted": MappedField("truth", "whether a conversion followed"),
    "converted_at": MappedField("time", "when it converted; empty where it did not"),
    "value": MappedField("money", "what the conversion was worth"),
}
_PRICED: Final = {"price": MappedField("money", "what was paid for it"), "bid": MappedField("money", "what was bid for it")}
_SPEAKER: Final = {
    "age": MappedField("whole", "age in years"),
    "age_band": _choice("age", AGE_BANDS),
    "gender": _choice("gender", GENDERS),
    "region": MappedField("word", "where the user lives"),
    "language": MappedField("word", "the user's language"),
    "device": MappedField("word", "kind of device"),
    "os": MappedField("word", "operating system"),
}
_SHOWN: Final = {"impression": MappedField("identity", "the impression it followed, by its id")}

FIELDS: Final[dict[str, dict[str, MappedField]]] = {
    "impressions": {
        **_TS, **_USER, **_ITEM, **_OF_ITEM, **_ID, "request": MappedField("identity", "the request that several impressions answered"),
        **_PLACE, "propensity": MappedField("number", "P(this ad here) under the policy that logged, above 0 to 1"), **_PRICED,
        "clicked": MappedField("truth", "whether it was clicked"),
        "clicked_at": MappedField("time", "when it was clicked; empty where it was not"), **_CONVERTED,
    },
    "clicks": {**_TS, **_USER, **_ITEM, **_OF_ITEM, **_ID, **_SHOWN, **_PLACE, **_CONVERTED},
    "conversions": {
        **_TS, **_USER, **_ITEM, **_OF_ITEM, **_ID, **_SHOWN, "click": MappedField("identity", "the click it followed, by its id"),
        **_PLACE, "value": _CONVERTED["value"],
    },
    "engagements": {
        **_TS, **_USER, **_ITEM, **_OF_ITEM, **_ID, "kind": _choice("what was done", ENGAGEMENT_KINDS, required=True), **_SHOWN, **_PLACE,
        "value": _CONVERTED["value"],
    },
    "activity": {
        **_TS, "user": MappedField("identity", "who it was", required=True), **_ID,
        "item": MappedField("identity", "what was looked at"), "action": MappedField("word", "view, like, share, comment, ..."),
        "category": _choice("what it is about", CATEGORIES), "dwell_ms": MappedField("whole", "how long, in milliseconds"),
    },
    "queries": {
        **_TS, **_USER, **_ID, "text": MappedField("words", "what was searched for", required=True),
        "device": _PLACE["device"], "region": _PLACE["region"], "language": _PLACE["language"],
    },
    "users": {**_SINCE, "user": MappedField("identity", "who it is", required=True), **_SPEAKER},
    "campaigns": {
        **_SINCE, "campaign": MappedField("identity", "the campaign", required=True), "advertiser": _OF_ITEM["advertiser"],
        "advertiser_name": MappedField("words", "the advertiser's name"), "domain": MappedField("words", "the advertiser's domain"),
        "brand": MappedField("words", "the advertiser's trademark"), "category": _choice("what the advertiser sells", CATEGORIES),
        "status": _choice("whether it runs", ("active", "paused", "ended")), "objective": _choice("what is paid for", OBJECTIVES),
        "bid": MappedField("money", "per click, conversion, or thousand impressions, by the objective"),
        "daily_budget": MappedField("money", "most that is spent in a day"),
        "start": MappedField("time", "when it begins; empty: at once", ahead=True),
        "end": MappedField("time", "when it ends; empty: never", ahead=True),
        "surfaces": MappedField("list", "where it is shown; empty: everywhere", choices=SURFACES),
        "regions": MappedField("list", "to whom, by region; empty: everybody"),
        "languages": MappedField("list", "to whom, by language; empty: everybody"),
        "devices": MappedField("list", "to whom, by device; empty: everybody", choices=DEVICES),
        "age_bands": MappedField("list", "to whom, by age band; empty: everybody", choices=AGE_BANDS),
        "genders": MappedField("list", "to whom, by gender; empty: everybody", choices=GENDERS),
        "frequency_cap": MappedField("whole", "impressions a user and day; 0: any number"),
    },
    "ad-groups": {
        **_SINCE, "ad_group": MappedField("identity", "the group", required=True),
        "campaign": MappedField("identity", "its campaign", required=True), "advertiser": _OF_ITEM["advertiser"],
        "name": MappedField("words", "its name"), "bid": MappedField("money", "as the campaign pays; empty: the campaign's"),
    },
    "creatives": {
        **_SINCE, **_ITEM, **_OF_ITEM, "category": _choice("what it is about", CATEGORIES),
        "language": MappedField("word", "of its texts"), "headline": MappedField("words", "its first line"),
        "description": MappedField("words", "its text"),
        "headlines": MappedField("list", "other headlines"), "descriptions": MappedField("list", "other texts"),
        "call_to_action": MappedField("words", "on its button"), "landing_url": MappedField("words", "where it leads"),
        "image_path": MappedField("words", "its image, below the platform's home"),
        "video_seconds": MappedField("number", "length of its video"),
        "policy_status": _choice("what the review said", ("approved", "limited", "rejected", "pending")),
    },
    "keywords": {
        **_SINCE, "campaign": MappedField("identity", "its campaign", required=True),
        "ad_group": MappedField("identity", "its ad group; empty: the whole campaign, of negative ones"), **_ID,
        "text": MappedField("words", "the words", required=True), "match_type": _choice("how searches match", MATCH_TYPES),
        "negative": MappedField("truth", "whether it keeps the ads away"), "bid": MappedField("money", "per click; empty: the group's"),
    },
    "placements": {
        **_SINCE, "placement": MappedField("identity", "the place", required=True), "surface": _choice("where it is", SURFACES),
        "slots": MappedField("whole", "ads at once"), "floor": MappedField("money", "least price of a thousand impressions"),
    },
    "landing-pages": {
        "ts": MappedField("time", "when it was read", required=True), "landing_url": MappedField("words", "its address", required=True),
        "title": MappedField("words", "its title"), "text": MappedField("words", "its words, without markup"),
    },
}  # fmt: skip
"""By the word after `--as`, what each of its columns can be."""
