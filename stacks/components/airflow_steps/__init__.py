"""Runs every step of a pipeline as a task of Airflow, and answers for the run when Airflow cannot."""
