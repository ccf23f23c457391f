# Basira in a container: docker build -t basira . && export KEY=$(openssl rand -hex 16)
#   docker run -p 127.0.0.1:7860:7860 -v basira:/data -e BASIRA_PAGE_KEY=$KEY basira
# It does not start without a key, which opens the page: http://127.0.0.1:7860/?key=…
# For a machine without a GPU, a much smaller image: --build-arg PIP_ARGS="--extra-index-url …" with the index of CPU
# builds that PyTorch's installation page names.
FROM python:3.12-slim

ARG PIP_ARGS=
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --create-home --uid 10001 basira && install -d -o basira -m 0700 /data
WORKDIR /opt/basira
COPY requirements.txt requirements-detector.txt .
RUN pip install --quiet $PIP_ARGS -r requirements.txt && pip install --quiet --no-deps -r requirements-detector.txt
COPY app app
COPY assets assets
COPY dicom dicom
COPY locales locales
COPY model model
COPY storage storage
# Whoever builds may have files that only they can read, such as weights just trained; another one runs the program.
RUN chmod -R a+rX .

USER basira
# All interfaces of the container, hence the key; which of the host's reach it is for `docker run -p` to say. To be
# reached by a name other than localhost: -e BASIRA_HOSTNAMES=that.name
ENV BASIRA_HOST=0.0.0.0 BASIRA_DATA=/data
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('BASIRA_PORT', 7860)}/healthz\", timeout=4)"]
CMD ["python", "-m", "app"]
