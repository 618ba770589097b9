#!/usr/bin/env bash
# What the first boot does after the tools are there and the project is cloned: a user, Python 3.11, the AWS client, the
# project's environments, and the units that start it all at each boot. As root; safe to repeat.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

readonly USER_NAME=health-predict
readonly USER_ID=10321 # containers run as this number: stacks/aws.yaml
readonly ROOT="${HEALTH_PREDICT_ROOT:-}" # empty on a machine, a folder in tests
readonly HOME_FOLDER="$ROOT/data/home"
readonly SETTINGS="$ROOT/etc/health-predict/machine.env"

as_user() {
  runuser --user "$USER_NAME" -- env HOME="$HOME_FOLDER" PATH="$ROOT/usr/local/bin:$PATH" "$@"
}

user() {
  getent group "$USER_NAME" > /dev/null || groupadd --gid "$USER_ID" "$USER_NAME"
  id "$USER_NAME" > /dev/null 2>&1 || useradd --uid "$USER_ID" --gid "$USER_ID" --groups docker --home-dir "$HOME_FOLDER" --shell /bin/bash "$USER_NAME"
  install -d -o "$USER_NAME" -g "$USER_NAME" -m 0750 "$HOME_FOLDER" "$ROOT/data/state"
  chown -R "$USER_NAME:$USER_NAME" .
}

# Ubuntu 24.04 has Python 3.12. uv comes by hash from the project's own lock, and verifies the Python that it fetches
python311() {
  local uv="$ROOT/opt/uv/bin/uv"
  [ -x "$uv" ] || python3 -m venv "$ROOT/opt/uv"
  "$ROOT/opt/uv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
  export UV_PYTHON_INSTALL_DIR="$ROOT/opt/python"
  "$uv" python install --quiet 3.11
  ln -sf "$("$uv" python find --no-project --managed-python 3.11)" "$ROOT/usr/local/bin/python3.11"
}

aws_client() {
  local client="$ROOT/opt/aws" uv="$ROOT/opt/uv/bin/uv"
  [ -x "$client/bin/python" ] || "$uv" venv --quiet --python "$ROOT/usr/local/bin/python3.11" "$client"
  "$uv" pip install --quiet --python "$client/bin/python" --require-hashes -r requirements/aws-client.txt
  ln -sf "$client/bin/aws" "$ROOT/usr/local/bin/aws"
}

# the stack's variables, as make aws-env writes them where Terraform's state is
stack_variables() {
  grep -E '^HEALTH_PREDICT_(REGION|BUCKET|REGISTRY|REGISTRY_HOST|PROJECT_TAG|ENVIRONMENT_TAG)=' "$SETTINGS" > "$ROOT/data/state/aws.env"
  chown "$USER_NAME:$USER_NAME" "$ROOT/data/state/aws.env"
}

# a shell of this user knows the stack (make aws-shell)
profile() {
  cat > "$HOME_FOLDER/.bash_profile" << 'END_OF_PROFILE'
set -a
. /etc/health-predict/machine.env
[ ! -f /data/state/services/zenml.env ] || . /data/state/services/zenml.env
set +a
cd /opt/health-predict && . ./env.sh
END_OF_PROFILE
  chown "$USER_NAME:$USER_NAME" "$HOME_FOLDER/.bash_profile"
}

units() {
  # root runs it, so it must not lie where another user can write
  install -D -m 0755 -t "$ROOT/usr/local/lib/health-predict" infra/aws/machine/credentials.sh infra/aws/machine/metadata-guard.sh
  install -m 0644 infra/aws/machine/*.service infra/aws/machine/*.timer "$ROOT/etc/systemd/system/"
  systemctl daemon-reload
  systemctl enable --quiet --now health-predict-metadata.service health-predict-credentials.timer
  systemctl restart health-predict-credentials.service
  systemctl enable --quiet health-predict.service
  systemctl start --no-block health-predict.service
}

user
python311
aws_client
stack_variables
profile
as_user make --no-print-directory setup
units
echo "setup: done; the services start: journalctl --follow --unit health-predict"
