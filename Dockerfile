# The workers and the command line `rma`, without the local stack: PostgreSQL and Kafka are given by their addresses.
FROM python:3.13.9-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1
WORKDIR /app
COPY pyproject.toml uv.lock README.md ./
RUN uv sync --frozen --no-default-groups --extra http --no-install-project
COPY domain domain
COPY commands commands
COPY projections projections
COPY infra infra
COPY workers workers
RUN uv sync --frozen --no-default-groups --extra http --no-editable

FROM python:3.13.9-slim-bookworm
# Chinese letters on labels and credit notes
RUN apt-get update && apt-get install --yes --no-install-recommends fonts-droid-fallback && rm -rf /var/lib/apt/lists/*
RUN groupadd --system --gid 10001 rma && useradd --system --uid 10001 --gid rma --no-create-home rma \
    && install --directory --owner=rma --group=rma --mode=0700 /keys \
    && install --directory --owner=rma --group=rma --mode=0700 /run/rma \
    && install --directory --owner=rma --group=rma /var/lib/rma
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 RMA_LOG_FORMAT=json
WORKDIR /app
USER 10001:10001
ENTRYPOINT ["rma"]
CMD ["--help"]
