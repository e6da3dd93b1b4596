"""The factory: from raw logs to features, rankers, promotions and reports. Every DAG task is one verb of its `placard` command."""
