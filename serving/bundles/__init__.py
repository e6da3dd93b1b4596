"""The model bundle: what training writes and serving trusts."""

from serving.bundles.bundle import Answers, Bundle, Tables, write_bundle, write_manifest
from serving.bundles.manifest import Manifest

__all__ = ["Answers", "Bundle", "Manifest", "Tables", "write_bundle", "write_manifest"]
