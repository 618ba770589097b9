#!/usr/bin/env bash
# Leaves the metadata service to root. Hop limit 1 keeps it from containers with a network of their own; those in the machine's
# network, and users, would reach it without this. They have the files that credentials.sh writes. As root; safe to repeat.
set -euo pipefail

rule=(OUTPUT --destination 169.254.169.254 --match owner '!' --uid-owner root --jump REJECT)
iptables --wait --check "${rule[@]}" 2> /dev/null || iptables --wait --insert "${rule[@]}"
echo "metadata-guard: 169.254.169.254 answers root alone"
