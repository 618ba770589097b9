# What a step runs in that has a container of its own (DockerOperator): the environment of the pipelines (infra/airflow/Dockerfile,
# target pipeline) and the code of one commit. Its build context is the project; .dockerignore says what of it may come in.
#checkov:skip=CKV_DOCKER_7:the base image is an argument, whose default has a tag
#checkov:skip=CKV_DOCKER_2:a step is no service; Airflow watches it and it ends by itself
ARG BASE_IMAGE=health-predict/pipeline:0.1.0

FROM ${BASE_IMAGE}
COPY . /opt/health-predict/code
# what a step writes beside its artifacts ends with its container
ENV PYTHONPATH=/opt/health-predict/code \
    HEALTH_PREDICT_STATE=/tmp/state
WORKDIR /tmp
USER 10001:10001
LABEL health-predict.steps="true"
