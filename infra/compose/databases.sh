#!/bin/sh
# Run once by the PostgreSQL image, when its volume is new: a database for each service.
set -eu
for name in airflow mlflow mlflow_auth; do
  createdb --username "$POSTGRES_USER" "$name"
done
