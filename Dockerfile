# One image for every role: web, worker, sweeper, and `prepare` before an upgrade. Not built in our own checks.
FROM node:22-slim AS static
WORKDIR /app/static
COPY static/ ./
RUN npm ci && npm run build

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 SPARKOPS_DATA_DIR=/data
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY . .
COPY --from=static /app/static/dist static/dist
RUN SECRET_KEY=only-for-this-step COLLECTING_STATIC=1 python manage.py collectstatic --no-input --verbosity 0 \
    && python -m compileall -q controlplane agents workflows runs manage.py \
    && useradd --system --home /data sparkops && install -d -o sparkops /data
USER sparkops
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["python", "manage.py"]
CMD ["web"]
