#!/bin/sh
# S3 from a volume. The key pair goes by the environment, since arguments are shown to every process of the machine.
set -eu
mkdir -p "/var/lib/health-predict/s3/$HEALTH_PREDICT_BUCKET"
export RCLONE_AUTH_KEY="\"$S3_ACCESS_KEY,$S3_SECRET_KEY\""
unset S3_ACCESS_KEY S3_SECRET_KEY
exec rclone --config /dev/null serve s3 --addr "127.0.0.1:$HEALTH_PREDICT_S3_PORT" --no-cleanup --log-level NOTICE /var/lib/health-predict/s3
