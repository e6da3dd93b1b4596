# The factory: every verb of `placard`, and the MLflow server, as locked in requirements/platform.txt.
# Built from the root of the checkout:  docker build -f infra/docker/platform.Dockerfile -t placard-platform .
FROM python:3.11.13-slim-bookworm AS build
COPY requirements/build.txt requirements/platform.txt /requirements/
RUN python -m venv /build && /build/bin/pip install --no-cache-dir --no-deps --require-hashes -r /requirements/build.txt
RUN python -m venv --without-pip /opt/placard \
    && pip --python /opt/placard/bin/python install --no-cache-dir --no-deps --require-hashes -r /requirements/platform.txt
COPY pyproject.toml setup.py README.md LICENSE /source/
COPY feature_repo /source/feature_repo
COPY serving /source/serving
COPY pipelines /source/pipelines
COPY dags /source/dags
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel /source \
    && pip --python /opt/placard/bin/python install --no-cache-dir --no-deps /wheel/*.whl

FROM python:3.11.13-slim-bookworm
COPY --from=build /opt/placard /opt/placard
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin placard \
    && mkdir --mode 0700 /var/lib/placard && chown placard:placard /var/lib/placard
ENV PATH=/opt/placard/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NO_COLOR=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    GX_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1 \
    PLACARD_HOME=/var/lib/placard
USER 10001:10001
WORKDIR /tmp
VOLUME /var/lib/placard
ENTRYPOINT ["placard"]
CMD ["doctor"]
