"""Whether the person asked for tracebacks: `placard --debug VERB`."""

from __future__ import annotations


class _Debug:
    on = False


debug = _Debug()
