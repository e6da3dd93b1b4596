"""The model bundle: what training writes and serving trusts."""

from serving.bundles.bundle import Bundle, Tables, write_bundle, write_manifest
from serving.bundles.manifest import Manifest

__all__ = ["Bundle", "Manifest", "Tables", "write_bundle", "write_manifest"]
