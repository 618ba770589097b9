#!/usr/bin/env bash
# Starts the machine of the stack `aws` and its services, and opens a tunnel to each of them. Safe to repeat.
#   infra/aws/up.sh             start, and tunnels on 127.0.0.1
#   infra/aws/up.sh --close     close the tunnels; the machine goes on until its nightly stop, or: --stop
#   infra/aws/up.sh --stop      close the tunnels and stop the machine
#   infra/aws/up.sh --shell     a shell on the machine, as the user whose project and services they are
# Needs the AWS client and its Session Manager plugin, and ${STATE}/aws.env, which make aws-env writes. No port of the machine is open.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=machine.sh
. infra/aws/machine.sh

start_machine() {
  local state
  state="$(machine_state)"
  case "$state" in
    running | pending) ;;
    stopping) aws ec2 wait instance-stopped --region "$AWS_REGION" --instance-ids "$INSTANCE" ;;&
    stopping | stopped) ask "the start of $INSTANCE" ec2 start-instances --instance-ids "$INSTANCE" > /dev/null ;;
    *) fail "$INSTANCE is $state; run: terraform -chdir=infra/terraform apply" ;;
  esac
  aws ec2 wait instance-running --region "$AWS_REGION" --instance-ids "$INSTANCE"
  patiently 600 agent_online || fail "the SSM agent of $INSTANCE does not answer; see its log: aws ec2 get-console-output --instance-id $INSTANCE"
  echo "machine: $INSTANCE runs"
}

agent_online() {
  [ "$(agent_state)" = Online ]
}

# the first boot installs tools and environments, and the service waits until all is healthy
start_services() {
  echo "services: starting; the first time takes half an hour"
  on_machine 3600 "cloud-init status --wait > /dev/null || { tail -n 3 /var/log/health-predict-setup.log >&2; exit 1; }"
  on_machine 3600 "systemctl start health-predict.service"
  echo "services: run"
}

open_tunnel() { # NAME PORT
  if tunnel_runs "$1"; then return; fi
  if answers "$2"; then
    fail "port $2 of this machine is taken, so there can be no tunnel to $1; end what listens there"
  fi
  setsid aws ssm start-session --region "$AWS_REGION" --target "$INSTANCE" --document-name AWS-StartPortForwardingSession \
    --parameters "portNumber=$2,localPortNumber=$2" < /dev/null > "$TUNNELS/$1.log" 2>&1 &
  echo $! > "$TUNNELS/$1.pid"
  patiently 60 answers "$2" || fail "the tunnel to $1 does not open; see $TUNNELS/$1.log"
}

open_tunnels() {
  mkdir -p "$TUNNELS"
  local pair
  for pair in "${PORTS[@]}"; do
    [ "${pair%%:*}" = jupyter ] && [ -z "${JUPYTER:-}" ] && continue # make aws-up JUPYTER=1
    open_tunnel "${pair%%:*}" "${pair##*:}"
    echo "tunnel: ${pair%%:*} http://127.0.0.1:${pair##*:}"
  done
}

close_tunnels() {
  local file name
  for file in "$TUNNELS"/*.pid; do
    [ -e "$file" ] || continue
    name="$(basename "$file" .pid)"
    if tunnel_runs "$name"; then
      kill -- "-$(cat "$file")" # with the plugin that it started
      for _ in $(seq 50); do
        tunnel_runs "$name" || break
        sleep 0.1
      done
    fi
    rm -f "$file"
  done
  echo "tunnels: closed"
}

case "${1:-}" in
  -h | --help) sed -n '2,7s/^# *//p' infra/aws/up.sh && exit 0 ;;
  "" | --close | --stop | --shell) ;;
  *) fail "unknown option $1; known: --close, --stop, --shell" ;;
esac
if [ "${1:-}" = --close ]; then
  close_tunnels
  exit
fi
check_tools
find_machine
case "${1:-}" in
  --shell) exec aws ssm start-session --region "$AWS_REGION" --target "$INSTANCE" --document-name AWS-StartInteractiveCommand \
    --parameters 'command=["sudo -iu health-predict"]' ;;
  --stop)
    close_tunnels
    ask "the stop of $INSTANCE" ec2 stop-instances --instance-ids "$INSTANCE" > /dev/null
    echo "machine: $INSTANCE stops"
    ;;
  *)
    start_machine
    start_services
    open_tunnels
    echo "next: make aws-shell; the commands there are in docs/aws.md"
    ;;
esac
