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

packages="$(echo "$folder"/lib/python3*/site-packages)"
# tests of the large ones by name, since a folder called tests is code elsewhere (Evidently); C headers; Ray's reinforcement learning
for package in matplotlib mpl_toolkits networkx numpy pandas pyarrow scipy sklearn statsmodels sympy; do
  [ ! -d "$packages/$package" ] || find "$packages/$package" -type d -name tests -prune -exec rm -rf {} +
done
rm -rf "$packages/pyarrow/include" "$packages/numpy/_core/include" "$packages/ray/rllib" "$packages/ray/jars" "$packages/ray/dashboard/client"
