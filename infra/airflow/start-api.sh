#!/bin/sh
# Airflow's API server; its login takes passwords from a file alone, which is made here, in memory.
set -eu
umask 077
file=/tmp/passwords.json
printf '{"%s": "%s"}\n' "$HEALTH_PREDICT_AIRFLOW_USER" "$AIRFLOW_ADMIN_PASSWORD" > "$file"
unset AIRFLOW_ADMIN_PASSWORD
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS="$HEALTH_PREDICT_AIRFLOW_USER:admin"
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE="$file"
umask 022
exec airflow api-server --host 127.0.0.1 --port "$HEALTH_PREDICT_AIRFLOW_PORT" --workers 1
