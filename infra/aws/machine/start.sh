#!/usr/bin/env bash
# Starts the services and the cluster on the machine, at each boot; safe to repeat. Run as the user health-predict.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

# the cluster gets half of the memory: 4 GiB of 8, and 8 of more
memory_gib=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' "${HEALTH_PREDICT_MEMINFO:-/proc/meminfo}") / 2 / 1024 / 1024 + 1))
export MINIKUBE_MEMORY="${MINIKUBE_MEMORY:-$((memory_gib < 8 ? memory_gib : 8))g}"
export MINIKUBE_CPUS="${MINIKUBE_CPUS:-$(nproc)}"

# what the images of steps are built upon
steps="${HEALTH_PREDICT_PIPELINE_IMAGE:-health-predict/pipeline:0.1.0}"
docker image inspect "$steps" > /dev/null 2>&1 || .venv/bin/python -m infra.compose image pipeline "$steps"
make --no-print-directory services-up SERVICES=compose
infra/minikube/up.sh --no-smoke

set -a
# shellcheck disable=SC1091 # the address of ZenML's server and a key to it, written by services-up
. "${HEALTH_PREDICT_STATE:?}/services/zenml.env"
set +a
.venv/bin/python -m stacks.apply aws --activate
