#!/bin/sh
# Airflow's scheduler, whose tasks start and update the local endpoint. The stack names the server's interpreter by its path in the
# project, the same on the machine and here; an empty folder in memory is mounted there and shown the image's environment.
set -eu
ln -sfn /opt/health-predict/serving/* "$HEALTH_PREDICT_PROJECT/.venv-serving/"
# tasks' logs are read from the volume that both share; a log server would listen on every address
exec airflow scheduler --skip-serve-logs
