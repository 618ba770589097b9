#!/bin/sh
# Inside a build: makes /opt/health-predict/NAME from requirements/NAME.txt and the wheels staged for it (infra/compose/context.py),
# so that a build needs no network and no setting of a package registry. Then takes out what no program there reads.
#
#   environment.sh NAME
set -eu

name="$1"
folder="/opt/health-predict/$name"

python3 -m venv --without-pip "$folder"
# --no-deps: every package is named in the lock
PYTHONPATH="$(echo wheelhouse/installer/pip-*.whl)" "$folder/bin/python" -m pip install --quiet --isolated --no-cache-dir --no-deps --no-index \
  --find-links "wheelhouse/$name" --require-hashes -r "requirements/$name.txt"
# the packages' own tests, C headers, and the libraries of Ray for reinforcement learning and Java
find "$folder/lib" -type d \( -name tests -o -path '*/pyarrow/include' -o -path '*/numpy/_core/include' -o -path '*/ray/rllib' -o -path '*/ray/jars' \) \
  -prune -exec rm -rf {} +
