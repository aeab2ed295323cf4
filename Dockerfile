# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
COPY requirements/base.txt /tmp/base.txt
RUN python -m venv /opt/nod \
    && /opt/nod/bin/pip install --no-cache-dir --require-hashes -r /tmp/base.txt
COPY pyproject.toml README.md LICENSE /src/
COPY bot /src/bot
COPY adapters /src/adapters
RUN /opt/nod/bin/pip install --no-cache-dir hatchling==1.33.0 \
    && /opt/nod/bin/pip install --no-cache-dir --no-deps --no-build-isolation /src \
    && /opt/nod/bin/pip uninstall --yes hatchling

FROM python:3.13-slim
# The model client trusts the system's certificates.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home nod \
    && install --directory --owner=nod --group=nod --mode=0700 /data
COPY --from=build /opt/nod /opt/nod
ENV PATH=/opt/nod/bin:$PATH PYTHONUNBUFFERED=1 DATA_DIR=/data HTTP_PORT=8080 LOG_FORMAT=json
USER 10001
WORKDIR /home/nod
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['HTTP_PORT']}/healthz\", timeout=4)"]
ENTRYPOINT ["nod"]
CMD ["run"]
