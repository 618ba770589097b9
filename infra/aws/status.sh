#!/usr/bin/env bash
# Shows the machine of the stack `aws`, its services, cluster and credentials, and the tunnels to it. Exit code 5 if one is not well.
#   infra/aws/status.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=machine.sh
. infra/aws/machine.sh

tunnels() {
  local pair state
  for pair in "${PORTS[@]}"; do
    state=closed
    if tunnel_runs "${pair%%:*}"; then state="http://127.0.0.1:${pair##*:}"; fi
    printf '%-10s %s\n' "${pair%%:*}" "$state"
  done
}

check_tools
find_machine
state="$(machine_state)"
echo "machine    $INSTANCE $state"
[ "$state" = running ] || fail "the machine does not run; start it: make aws-up"
agent="$(agent_state)"
echo "agent      $agent"
[ "$agent" = Online ] || fail "its SSM agent does not answer; wait a minute, then: make aws-up"
tunnels
# the last line of the machine's own report is its verdict
on_machine 120 /opt/health-predict/infra/aws/machine/report.sh
