# Airflow in an environment of its own, and beside it the factory, whose verbs its tasks call: the two do not run in one environment.
# Built from the root of the checkout:  docker build -f infra/docker/airflow.Dockerfile -t placard-airflow .
FROM python:3.11.13-slim-bookworm AS build
COPY requirements/build.txt requirements/platform.txt requirements/airflow.txt /requirements/
RUN python -m venv /build && /build/bin/pip install --no-cache-dir --no-deps --require-hashes -r /requirements/build.txt
RUN python -m venv --without-pip /opt/placard \
    && pip --python /opt/placard/bin/python install --no-cache-dir --no-deps --require-hashes -r /requirements/platform.txt
RUN python -m venv --without-pip /opt/airflow \
    && pip --python /opt/airflow/bin/python install --no-cache-dir --no-deps --require-hashes -r /requirements/airflow.txt
COPY pyproject.toml setup.py README.md LICENSE /source/
COPY feature_repo /source/feature_repo
COPY serving /source/serving
COPY pipelines /source/pipelines
COPY dags /source/dags
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel /source \
    && pip --python /opt/placard/bin/python install --no-cache-dir --no-deps /wheel/*.whl

FROM python:3.11.13-slim-bookworm
COPY --from=build /opt/placard /opt/placard
COPY --from=build /opt/airflow /opt/airflow
COPY dags /opt/dags
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin placard \
    && mkdir --mode 0700 /var/lib/placard /var/lib/airflow && chown placard:placard /var/lib/placard /var/lib/airflow
ENV PATH=/opt/airflow/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NO_COLOR=1 \
    DO_NOT_TRACK=1 \
    SCARF_ANALYTICS=false \
    AIRFLOW_HOME=/var/lib/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/dags \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    PLACARD_HOME=/var/lib/placard \
    PLACARD_COMMAND=/opt/placard/bin/placard
USER 10001:10001
WORKDIR /tmp
VOLUME /var/lib/placard /var/lib/airflow
EXPOSE 8090
ENTRYPOINT ["airflow"]
CMD ["version"]
