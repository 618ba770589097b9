"""What the three driver DAGs share; Airflow imports it from the dags folder, which is on its path."""
