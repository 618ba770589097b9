"""Whether a service does its work, asked as its users ask it; every answer is words, empty for yes."""

import boto3
import psycopg
import requests
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import sql

from infra.processes.place import Place
from infra.service_settings import HOST

REGION = "us-east-1"
DATABASES = ("airflow", "mlflow", "mlflow_auth")
_PATIENCE = 5  # seconds; a check is asked again
_FOUND = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


def postgres(place: Place) -> str:
    """SELECT 1, with the password."""
    try:
        with _connection(place) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        return _first_line(error)
    return ""


def create_databases(place: Place) -> None:
    """Create the databases that are not there."""
    with _connection(place) as connection:
        connection.autocommit = True
        present = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        for name in DATABASES:
            if name not in present:
                connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]


def change_postgres_password(place: Place, password: str) -> str:
    """Give PostgreSQL's role another password; it gets the password's verifier and never sees the password."""
    try:
        with _connection(place) as connection:
            verifier = connection.pgconn.encrypt_password(password.encode(), b"postgres", b"scram-sha-256").decode()
            connection.execute(sql.SQL("ALTER ROLE postgres PASSWORD {}").format(sql.Literal(verifier)))
    except psycopg.Error as error:
        return _first_line(error)
    return ""


def s3(place: Place) -> str:
    """List the buckets, and find ours among them once it was made."""
    try:
        _s3_client(place).list_objects_v2(Bucket=place.settings.bucket, MaxKeys=1)
    except ClientError as error:
        return "" if error.response["Error"]["Code"] == "NoSuchBucket" else _first_line(error)
    except BotoCoreError as error:
        return _first_line(error)
    return ""


def create_bucket(place: Place) -> None:
    """Create the bucket unless it is there."""
    try:
        _s3_client(place).create_bucket(Bucket=place.settings.bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _FOUND:
            raise


def mlflow(place: Place) -> str:
    """Its own health, a search with the password, and that nobody gets in without one."""
    url, login = place.settings.mlflow_url, (place.settings.mlflow_user, place.secrets["MLFLOW_ADMIN_PASSWORD"])
    search = f"{url}/api/2.0/mlflow/experiments/search?max_results=1"
    try:
        for address, credentials, expected in (
            (f"{url}/health", None, requests.codes.ok),
            (search, login, requests.codes.ok),
            (search, None, requests.codes.unauthorized),
        ):
            status = requests.get(address, auth=credentials, timeout=_PATIENCE).status_code
            if status != expected:
                who = "with the password" if credentials else "without a password"
                return f"{address.partition('?')[0]} {who} answers {status}, not {expected}"
    except requests.RequestException as error:
        return type(error).__name__
    return ""


def airflow(place: Place, part: str) -> str:
    """What Airflow's API says of a part of it: metadatabase, scheduler or dag_processor."""
    try:
        answer = requests.get(f"{place.settings.airflow_url}/api/v2/monitor/health", timeout=_PATIENCE)
        answer.raise_for_status()
        status = answer.json()[part]["status"]
    except (requests.RequestException, ValueError, KeyError) as error:
        return type(error).__name__
    return "" if status == "healthy" else f"{part} is {status}"


def airflow_login(place: Place) -> str:
    """The API is healthy and accepts the password."""
    login = {"username": place.settings.airflow_user, "password": place.secrets["AIRFLOW_ADMIN_PASSWORD"]}
    try:
        answer = requests.post(f"{place.settings.airflow_url}/auth/token", json=login, timeout=_PATIENCE)
    except requests.RequestException as error:
        return type(error).__name__
    if answer.status_code != requests.codes.created:
        return f"/auth/token with the password answers {answer.status_code}"
    return airflow(place, "metadatabase")


def _connection(place: Place) -> "psycopg.Connection[tuple[str]]":
    return psycopg.connect(
        host=HOST,
        port=place.settings.postgres_port,
        user="postgres",
        password=place.secrets["POSTGRES_PASSWORD"],
        dbname="postgres",
        connect_timeout=_PATIENCE,
    )


def _s3_client(place: Place) -> BaseClient:
    config = Config(connect_timeout=_PATIENCE, read_timeout=_PATIENCE, retries={"total_max_attempts": 1})
    return boto3.Session().client(
        "s3",
        endpoint_url=place.settings.s3_url,
        aws_access_key_id=place.secrets["S3_ACCESS_KEY"],
        aws_secret_access_key=place.secrets["S3_SECRET_KEY"],
        region_name=REGION,
        config=config,
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
