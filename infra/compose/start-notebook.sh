#!/bin/sh
# JupyterLab with the project's notebook, copied to where it can be changed; one that was changed is left alone. The token is
# read from JUPYTER_TOKEN.
set -eu
folder=/var/lib/health-predict/notebooks
[ -e "$folder/01_eda_baseline.ipynb" ] || cp "$HEALTH_PREDICT_PROJECT/notebooks/01_eda_baseline.ipynb" "$folder/"
export PYTHONPATH="$HEALTH_PREDICT_PROJECT"
exec jupyter lab --no-browser --ServerApp.ip=127.0.0.1 --ServerApp.port="$HEALTH_PREDICT_JUPYTER_PORT" --ServerApp.port_retries=0 \
  --ServerApp.root_dir="$folder" --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
  --LabApp.extension_manager=readonly
