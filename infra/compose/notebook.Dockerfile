# JupyterLab beside the pipelines' environment, whose packages its kernel imports. Its build context is staged by
# infra/compose/context.py, wheels included.
#checkov:skip=CKV_DOCKER_7:the base image is an argument, whose default has a tag
#checkov:skip=CKV_DOCKER_2:its health check stands in infra/compose/compose.yaml
ARG BASE_IMAGE=health-predict/services:0.1.0

FROM ${BASE_IMAGE} AS packages
# a stage that installs; the image itself ends with another user
# hadolint ignore=DL3002
USER root
WORKDIR /build
COPY environment.sh .
COPY requirements requirements
COPY wheelhouse wheelhouse
RUN ./environment.sh notebook \
    && echo /opt/health-predict/pipeline/lib/python3.11/site-packages > /opt/health-predict/notebook/lib/python3.11/site-packages/pipeline.pth

FROM ${BASE_IMAGE}
USER root
RUN mkdir -p /var/lib/health-predict/notebooks && chmod 1777 /var/lib/health-predict/notebooks
COPY --from=packages /opt/health-predict/notebook /opt/health-predict/notebook
COPY start-notebook.sh /opt/health-predict/
ENV PATH=/opt/health-predict/notebook/bin:$PATH
USER 10001:10001
CMD ["/opt/health-predict/start-notebook.sh"]
ARG VERSION
LABEL org.opencontainers.image.title="Health Predict notebook" \
      org.opencontainers.image.version="${VERSION}"
