#!/bin/sh
# JupyterLab with the project's notebook, copied to where it can be changed; one that was changed is left alone. Beside the copy lie
# links to the project, since a notebook looks for it above itself. The token is read from JUPYTER_TOKEN.
set -eu
work=/var/lib/health-predict/notebooks
mkdir -p "$work/notebooks"
for entry in "$HEALTH_PREDICT_PROJECT"/*; do
  [ "${entry##*/}" = notebooks ] || ln -sfn "$entry" "$work/${entry##*/}"
done
[ -e "$work/notebooks/01_eda_baseline.ipynb" ] || cp "$HEALTH_PREDICT_PROJECT/notebooks/01_eda_baseline.ipynb" "$work/notebooks/"
exec jupyter lab --no-browser --ServerApp.ip=127.0.0.1 --ServerApp.port="$HEALTH_PREDICT_JUPYTER_PORT" --ServerApp.port_retries=0 \
  --ServerApp.root_dir="$work/notebooks" --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
  --LabApp.extension_manager=readonly
