"""Airflow as a process beside the platform: its home, its scheduler, its API."""
