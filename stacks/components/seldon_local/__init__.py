"""Serves a release on this machine: the server that runs in a pod, as a process behind a ZenML model deployer."""

from stacks.components.seldon_local.flavor import SeldonLocalDeployerFlavor

__all__ = ["SeldonLocalDeployerFlavor"]
