"""A plan as the files that operators' tools read: Helm values, Redis Cluster and PostgreSQL settings, and the serving settings."""

from __future__ import annotations

import math
from typing import Any, Final

import yaml

from pipelines.planning.plan import CapacityPlan
from pipelines.planning.prices import as_toml
from pipelines.planning.sharding import GROWTH, RegionShards
from pipelines.planning.tiers import GIB

HEADROOM: Final = 1.25
"""Memory of a Redis node, in times of what its rows take: copies while it forks, and fragments."""
SLOTS: Final = 16_384
"""Hash slots of a Redis Cluster."""
DATABASE_GIB: Final = 4
"""Memory of the PostgreSQL server that holds Airflow's, MLflow's and Feast's tables: none of them is asked by a request."""


def files(plan: CapacityPlan) -> dict[str, str]:
    """Text by file name."""
    out = {f"values-{region}.yaml": helm_values(plan, region) for region in plan.demand.regions}
    out |= {f"redis-{r.region}.conf": redis_settings(plan, r) for r in plan.sharding.regions}
    out |= {"redis-ledger.conf": ledger_settings(plan), "redis-cache.conf": cache_settings(plan)}
    return {**out, "postgresql.conf": postgres_settings(), "serving.env": serving_environment(plan), "prices.toml": as_toml(plan.prices)}


def _head(plan: CapacityPlan) -> str:
    demand = plan.demand
    return f"# Plan {plan.name}: {demand.users:,} users, {demand.peak_qps:,.10g} requests/s at the peak. Made by `placard plan`.\n"


def serving_settings(plan: CapacityPlan) -> dict[str, str]:
    """Settings of the serving processes, by environment variable."""
    return {
        "PLACARD_PROFILE": "cluster",
        "PLACARD_TMAX_MS": f"{plan.demand.p99_ms:.0f}",
        "PLACARD_STAGE_SHARES": str([round(ms / plan.demand.p99_ms, 6) for ms in plan.stage_ms.values()]),
        "PLACARD_PRIMARY_BATCH": str(plan.models.batch),
        "PLACARD_PRIMARY_AT_ONCE": str(plan.models.at_once),
        "PLACARD_SPECULATIVE": "true",
        "PLACARD_SPECULATIVE_CONFIDENCE": str(plan.models.confidence),
        "PLACARD_CACHE_L1_BYTES": str(_worker_cache(plan)),
    }


def _worker_cache(plan: CapacityPlan) -> int:
    """Bytes of a worker's share of its machine's cache, which takes half of the machine's memory at most."""
    machine = min(plan.caches.process, int(plan.prices.server_memory_gib * GIB / 2))
    return machine // plan.prices.server_cores


def budget_share(plan: CapacityPlan, region: str) -> float:
    """The part of each campaign's daily budget that a region may spend, by its traffic: each region's ledger counts for itself. Rounded
    down, so that the regions together spend none over."""
    return math.floor(plan.demand.regions[region] * 10_000) / 1e6


def serving_environment(plan: CapacityPlan) -> str:
    return _head(plan) + "".join(f"{name}={value}\n" for name, value in serving_settings(plan).items())


def helm_values(plan: CapacityPlan, region: str) -> str:
    """Values of the chart in infra/helm for one region."""
    servers = next(f.servers for f in plan.fleet if f.region == region)
    settings = serving_settings(plan) | {"PLACARD_BUDGET_SHARE": str(budget_share(plan, region))}
    values: dict[str, Any] = {
        "region": region,
        "api": {
            "replicas": servers,
            "workers": plan.prices.server_cores,
            "resources": {
                "requests": {"cpu": plan.prices.server_cores, "memory": f"{plan.prices.server_memory_gib:g}Gi"},
                "limits": {"memory": f"{plan.prices.server_memory_gib:g}Gi"},
            },
        },
        "autoscaling": {
            "minReplicas": max(math.ceil(servers / 4), 3),
            "maxReplicas": servers,
            "requestsPerSecond": max(math.floor(plan.server_qps / GROWTH), 1),
            "p99Milliseconds": round(plan.demand.p99_ms),
        },
        "settings": settings,
    }
    return _head(plan) + yaml.safe_dump(values, sort_keys=False)


def redis_settings(plan: CapacityPlan, shards: RegionShards) -> str:
    """redis.conf of every node of a region's cluster, and how the cluster is made."""
    hot = [s for s in plan.stored if s.tier == "hot"]
    share = plan.demand.regions[shards.region] / 100
    fullest = sum(s.gib for s in hot) * share / shards.shards * shards.expected
    memory = math.ceil(fullest * HEADROOM * 1024)
    nodes = shards.shards * (1 + plan.prices.replicas)
    lines = [
        f"# Users' rows of region {shards.region}: {shards.shards} shards with about {SLOTS / shards.shards:,.0f} hash slots each,",
        f"# and {plan.prices.replicas} replica(s) of each: {nodes} nodes. A cluster is made, and named, by:",
        f"#   redis-cli --cluster create NODE:PORT ... --cluster-replicas {plan.prices.replicas}",
        "#   PLACARD_PROFILES_REDIS_URL=redis+cluster://NODE:PORT,NODE:PORT",
        "cluster-enabled yes",
        "cluster-node-timeout 5000",
        "# One shard that is down leaves the others answering.",
        "cluster-require-full-coverage no",
        f"# The fullest shard: {fullest * GIB / 1024**2:,.0f} MiB of rows.",
        f"maxmemory {memory}mb",
        "# An evicted user would be unknown until the next day is published; a node that starts again has its rows.",
        "maxmemory-policy noeviction",
        "appendonly yes",
        "appendfsync everysec",
        "tcp-keepalive 60",
        "timeout 0",
    ]
    return _head(plan) + "\n".join(lines) + "\n"


def ledger_settings(plan: CapacityPlan) -> str:
    """redis.conf of a region's ledger, which PLACARD_REDIS_URL names the address of: one server, since what is counted together lies
    together, and a replica that takes its place."""
    lines = [
        "# Spend, caps and events of a region: nothing may be evicted, and what was acknowledged is on the disk.",
        "maxmemory-policy noeviction",
        "appendonly yes",
        "appendfsync everysec",
        "# Fewer than one replica that follows, and nothing is sold.",
        f"min-replicas-to-write {1 if plan.prices.replicas else 0}",
        "min-replicas-max-lag 10",
        "tcp-keepalive 60",
        "timeout 0",
    ]
    return _head(plan) + "\n".join(lines) + "\n"


def cache_settings(plan: CapacityPlan) -> str:
    """redis.conf of a region's cache, which the settings cache_l2_url and cache_regional_url name the address of."""
    lines = [
        "# What is lost here is loaded again: nothing is kept on a disk, and the least recently used goes first.",
        f"maxmemory {plan.caches.region // 1024**3}gb",
        "maxmemory-policy allkeys-lru",
        "appendonly no",
        'save ""',
        "tcp-keepalive 60",
        "timeout 0",
    ]
    return _head(plan) + "\n".join(lines) + "\n"


def postgres_settings() -> str:
    """postgresql.conf of the server for the tables of Airflow, MLflow and Feast's registry."""
    megabytes = DATABASE_GIB * 1024
    lines = [
        f"# For a server with {DATABASE_GIB} GiB of memory: Airflow's, MLflow's and Feast's registry's tables. No request waits for it.",
        "max_connections = 200",
        f"shared_buffers = {megabytes // 4}MB",
        f"effective_cache_size = {megabytes * 3 // 4}MB",
        f"maintenance_work_mem = {megabytes // 16}MB",
        "work_mem = 8MB",
        "wal_level = replica",
        "synchronous_commit = on",
        "max_wal_size = 4GB",
        "checkpoint_completion_target = 0.9",
        "random_page_cost = 1.1",
    ]
    return "\n".join(lines) + "\n"
