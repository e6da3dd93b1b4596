"""Which packages a distribution holds; all else about it stands in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    # The DAGs lie at the root, where Airflow reads them; a wheel carries them inside of ours, where no other package can clash with them.
    packages=[*find_packages(include=["feature_repo*", "serving*", "pipelines*"]), "pipelines.dags", "pipelines.dags.placard_dags"],
    package_dir={"pipelines.dags": "dags", "pipelines.dags.placard_dags": "dags/placard_dags"},
)
