"""Says loudly where numbers come from a drawn sample and not from patients."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from adapters.mlflow_registry import Registry


def say_if_synthetic(provenance: str) -> None:
    """Warn before numbers that were measured on synthetic data."""
    if provenance == "synthetic":
        click.secho("SYNTHETIC DATA: every number below is about a drawn sample, not about patients", fg="yellow")


def say_what_it_learnt_from(registry: "Registry", version: str) -> None:
    """Warn before scores of a version that learnt from synthetic data, or from a demonstration's injected shifts."""
    tags = registry.find(version).tags
    if tags.get("provenance") == "synthetic":
        click.secho(f"SYNTHETIC MODEL: version {version} learnt from a drawn sample, not from patients", fg="yellow")
    if "injected_shifts" in tags:
        click.secho(f"INJECTED SHIFTS: version {version} learnt from {tags['injected_shifts']}", fg="yellow")
