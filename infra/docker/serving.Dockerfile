# The API: the online engine alone, as locked in requirements/serving.txt. No torch, MLflow, Airflow, compiler or shell tools are added.
# Built from the root of the checkout:  docker build -f infra/docker/serving.Dockerfile -t placard-serving .
FROM python:3.11.13-slim-bookworm AS build
COPY requirements/build.txt requirements/serving.txt /requirements/
RUN python -m venv /build && /build/bin/pip install --no-cache-dir --no-deps --require-hashes -r /requirements/build.txt
RUN python -m venv --without-pip /opt/placard \
    && pip --python /opt/placard/bin/python install --no-cache-dir --no-deps --require-hashes -r /requirements/serving.txt
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
# What is written lies in the state folder and in /tmp: everything else may be mounted read-only.
ENV PATH=/opt/placard/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NO_COLOR=1 \
    PLACARD_HOME=/var/lib/placard \
    PLACARD_HOST=0.0.0.0 \
    PLACARD_PORT=8080
USER 10001:10001
WORKDIR /tmp
VOLUME /var/lib/placard
EXPOSE 8080
# Loading models may take minutes on a busy machine; a process that is alive and has nothing to serve yet says so at /readyz.
HEALTHCHECK --interval=10s --timeout=5s --start-period=300s --retries=3 \
    CMD ["python", "-c", "import os; from urllib.request import urlopen; urlopen(f'http://127.0.0.1:{os.environ[\"PLACARD_PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["placard"]
CMD ["serve"]
