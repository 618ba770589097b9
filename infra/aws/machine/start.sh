#!/usr/bin/env bash
# Starts the services and the cluster on the machine, at each boot; safe to repeat. Run as the user health-predict.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

# the cluster gets half of the memory: 4 GiB of 8, and 8 of more
memory_gib=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' "${HEALTH_PREDICT_MEMINFO:-/proc/meminfo}") / 2 / 1024 / 1024 + 1))
export MINIKUBE_MEMORY="${MINIKUBE_MEMORY:-$((memory_gib < 8 ? memory_gib : 8))g}"
export MINIKUBE_CPUS="${MINIKUBE_CPUS:-$(nproc)}"

make --no-print-directory services-up SERVICES=compose
infra/minikube/up.sh --no-smoke
