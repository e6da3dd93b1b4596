"""The rows that rankers are tested on."""

from tests.pipelines.rankers.conftest import thick, thin

__all__ = ["thick", "thin"]
