"""The rows that rankers are tested on."""

from tests.pipelines.rankers.conftest import thin

__all__ = ["thin"]
