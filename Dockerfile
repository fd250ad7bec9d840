# Runs the dashboard as nobody; the file system can be read-only except for the folder of snapshots:
#   docker build --tag audience .
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     --volume snapshots:/data --publish 127.0.0.1:8501:8501 --env CHATBOTX_TOKEN audience
ARG PYTHON=3.12.12-slim-bookworm

FROM python:${PYTHON} AS packages
COPY requirements.lock /
# Wheels only: nothing is built, so there are no build tools, and no code without a hash is run.
RUN python -m venv /packages \
    && /packages/bin/pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes \
       --requirement /requirements.lock \
    && /packages/bin/pip uninstall --yes pip

FROM python:${PYTHON}
RUN pip uninstall --yes --root-user-action ignore pip && mkdir /data && chown 65534:65534 /data
COPY --from=packages /packages /packages
WORKDIR /dashboard
COPY app.py LICENSE THIRD-PARTY.md ./
COPY .streamlit/config.toml .streamlit/
COPY lib lib
COPY pages pages
ENV PATH=/packages/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    CHATBOTX_SNAPSHOT_DIR=/data \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_SERVER_FILE_WATCHER_TYPE=none
USER 65534:65534
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "app.py"]
