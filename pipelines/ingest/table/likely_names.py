"""What columns are usually called, by the field that they hold."""

from __future__ import annotations

from typing import Final

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "ts": ("ts", "timestamp", "eventtime", "time", "datetime", "eventts", "createdat", "date", "occurredat", "clicktime", "hour",
           "day", "servertime", "eventtimestamp", "loggedat", "fetchedat", "updatedat", "visittime", "requesttime"),
    "user": ("user", "userid", "memberid", "member", "customerid", "customer", "visitorid", "visitor", "uid", "clientid",
           "accountid", "deviceid", "cookieid", "cookie", "profileid", "subscriberid", "ip", "deviceip"), "item": ("item", "itemid",
           "sku", "adid", "ad", "creativeid", "creative", "productid", "product", "articleid", "bannerid", "contentid"),
    "id": ("impressionid", "eventid", "id", "rowid", "clickid", "uuid"), "campaign": ("campaign", "campaignid"),
    "ad_group": ("adgroup", "adgroupid", "adset", "adsetid"),
    "advertiser": ("advertiser", "advertiserid", "brandid", "merchantid", "sellerid"),
    "request": ("requestid", "request", "auctionid", "slateid"), "impression": ("impressionid", "impression"),
    "click": ("clickid",), "clicked": ("clicked", "click", "isclick", "isclicked", "label", "hit"),
    "clicked_at": ("clickedat", "clicktime", "clickts"),
    "converted": ("converted", "conversion", "isconversion", "isattributed", "purchased", "bought"),
    "converted_at": ("convertedat", "conversiontime", "purchasedat", "attributedtime", "conversionts"),
    "value": ("value", "revenue", "conversionvalue", "ordervalue", "amount"),
    "price": ("price", "cost", "winningprice", "payprice"), "bid": ("bid", "bidprice", "cpc", "maxcpc"),
    "position": ("position", "rank", "slot", "pos"), "surface": ("surface",),
    "propensity": ("propensity", "propensityscore", "pscore"),
    "placement": ("placement", "placementid", "site", "siteid", "zone", "zoneid"), "device": ("device", "devicetype", "platform"),
    "os": ("os", "operatingsystem"), "region": ("region", "country", "geo", "city", "state"),
    "language": ("language", "lang", "locale"), "query": ("queryid", "searchid"), "kind": ("kind", "event", "eventtype", "type"),
    "action": ("action", "eventtype", "event", "type"), "category": ("category", "topic"), "dwell_ms": ("dwellms", "durationms"),
    "text": ("text", "query", "searchterm", "searchquery", "keyword", "keywords", "q", "body"), "age": ("age",),
    "age_band": ("ageband", "agegroup", "agerange"), "gender": ("gender", "sex"), "advertiser_name": ("advertisername", "company"),
    "domain": ("domain",), "brand": ("brand",), "status": ("status", "campaignstatus"), "objective": ("objective", "pricing"),
    "daily_budget": ("dailybudget", "budget"), "start": ("start", "startdate", "startts"), "end": ("end", "enddate", "endts"),
    "headline": ("headline", "title", "name", "itemname", "productname"), "description": ("description", "desc", "body"),
    "landing_url": ("landingurl", "url", "link", "finalurl"), "title": ("title",), "match_type": ("matchtype",),
    "negative": ("negative", "isnegative"), "slots": ("slots",), "floor": ("floor", "floorprice"),
    "call_to_action": ("cta", "calltoaction"),
}  # fmt: skip
"""Common names of each field's column, the likelier first, without spaces and signs."""


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.rpartition(".")[2].lower()))


def likely(column: str, field: str) -> int | None:
    """How likely a column's name stands for a field: 0 is likeliest, None not at all."""
    names = NAMES.get(field, (field.replace("_", ""),))
    plain = _plain(column)
    return names.index(plain) if plain in names else None
