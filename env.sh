# For a fresh shell (bash or zsh), from any directory:   . /path/to/project/env.sh
# Activates the virtual environment and sets what the project sets for itself, so that `zenml stack list`,
# `zenml stack set local` or `mlflow` act on the project's own stores (.state/), not on yours.

_hp_file="${BASH_SOURCE:-}"
[ -n "${ZSH_VERSION:-}" ] && eval '_hp_file="${(%):-%x}"'
_hp_root="$(cd "$(dirname "${_hp_file:-./env.sh}")" && pwd)"

if [ -x "$_hp_root/.venv/bin/python" ]; then
  . "$_hp_root/.venv/bin/activate"
  eval "$(cd "$_hp_root" && .venv/bin/python -m stacks.environment --shell)"
else
  echo "env.sh: no environment in $_hp_root/.venv yet; run: make -C $_hp_root setup" >&2
  false
fi
