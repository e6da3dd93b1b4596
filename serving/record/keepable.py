"""What may be kept of a decision: without consent neither who asked nor what they typed."""

from __future__ import annotations

from dataclasses import replace

from serving.record.decision import Decision


def keepable(decision: Decision) -> Decision:
    """The record as stores may hold it. Without consent it has no user_id and no text of the query, as typed or as read; what the search
    was taken to want (intent, categories) stays, and so do the advertiser's own keywords that it met."""
    if decision.request.consent:
        return decision
    query = decision.query
    return replace(
        decision,
        request=replace(decision.request, user_id="", query=""),
        query=None
        if query is None
        else replace(query, original="", normalised="", tokens=(), stems=(), corrections=(), entities=(), expanded=()),
    )
