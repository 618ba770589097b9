"""The programs of the services, as one table; nothing is started here."""

from functools import partial

from infra.processes import health
from infra.processes.airflow_settings import airflow_environment
from infra.processes.place import PIPELINES, SERVICES, Place
from infra.processes.postgres import postgres_command, postgres_user
from infra.processes.program import Program
from infra.service_secrets import write_private
from infra.service_settings import HOST
from stacks.environment import state_folder

_RECONCILER = "stacks.components.airflow_steps.reconciler"


def programs(place: Place) -> tuple[Program, ...]:
    """Every program, each after those that it needs."""
    s3 = () if place.settings.s3_endpoint else (_s3(place),)
    return (_postgres(place), *s3, _mlflow(place), *_airflow(place), _reconciler())


def _postgres(place: Place) -> Program:
    return Program(
        name="postgres",
        command=postgres_command(place),
        check=partial(health.postgres, place),
        ready=partial(health.create_databases, place),
        port=(place.settings.postgres_port, "HEALTH_PREDICT_POSTGRES_PORT"),
        user=postgres_user(),
        stop_signal="INT",  # ends connections instead of waiting for them
    )


def _s3(place: Place) -> Program:
    # rclone reads a list of pairs as CSV, so the one pair stands in quotes, which supervisord's file cannot express
    start = ["/bin/sh", "-c", 'RCLONE_AUTH_KEY="\\"$KEY_PAIR\\"" exec "$0" "$@"', str(SERVICES / "bin" / "rclone")]
    options = ["--addr", f"{HOST}:{place.settings.s3_port}", "--no-cleanup", "--log-level", "NOTICE"]
    pair = f"{place.secrets['S3_ACCESS_KEY']},{place.secrets['S3_SECRET_KEY']}"
    return Program(
        name="s3",
        command=(*start, "serve", "s3", *options, str(place.s3)),
        environment={"RCLONE_CONFIG": "/dev/null", "KEY_PAIR": pair},
        check=partial(health.s3, place),
        ready=partial(health.create_bucket, place),
        port=(place.settings.s3_port, "HEALTH_PREDICT_S3_PORT"),
    )


def _mlflow(place: Place) -> Program:
    listening = ["--host", HOST, "--port", str(place.settings.mlflow_port), "--workers", "1"]
    hosts = ",".join(f"{name}:{place.settings.mlflow_port}" for name in (HOST, "localhost"))
    artifacts = ["--artifacts-destination", f"s3://{place.settings.bucket}/mlflow"]
    options = ["--app-name", "basic-auth", "--allowed-hosts", hosts, *artifacts]
    return Program(
        name="mlflow",
        command=(str(PIPELINES / "bin" / "python"), "-m", "mlflow", "server", *listening, *options),
        environment={
            "MLFLOW_BACKEND_STORE_URI": place.database("mlflow", "psycopg"),
            "MLFLOW_AUTH_CONFIG_PATH": str(place.run / "mlflow-auth.ini"),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": place.secrets["MLFLOW_SECRET_KEY"],
            "MLFLOW_S3_ENDPOINT_URL": place.settings.s3_url,
            "AWS_ACCESS_KEY_ID": place.secrets["S3_ACCESS_KEY"],
            "AWS_SECRET_ACCESS_KEY": place.secrets["S3_SECRET_KEY"],
            "AWS_DEFAULT_REGION": health.REGION,
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",  # see stacks/airflow.yaml
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # a queue for LLM evaluations
        },
        check=partial(health.mlflow, place),
        port=(place.settings.mlflow_port, "HEALTH_PREDICT_MLFLOW_PORT"),
        after=("postgres",) if place.settings.s3_endpoint else ("postgres", "s3"),
    )


def prepare_mlflow(place: Place) -> None:
    """Write the file of its login; the password counts at its first start."""
    lines = {
        "default_permission": "NO_PERMISSIONS",
        "database_uri": place.database("mlflow_auth", "psycopg"),
        "admin_username": place.settings.mlflow_user,
        "admin_password": place.secrets["MLFLOW_ADMIN_PASSWORD"],
        "auth_cache_ttl_seconds": "60",  # else the password is hashed anew for every metric
    }
    content = "[mlflow]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items())
    write_private(place.run / "mlflow-auth.ini", content)


def _airflow(place: Place) -> tuple[Program, ...]:
    environment = airflow_environment(place)

    def program(name: str, *arguments: str, part: str, once: bool = False) -> Program:
        return Program(
            name=name,
            command=(str(SERVICES / "bin" / "airflow"), *arguments),
            environment=environment,
            check=partial(health.airflow, place, part),
            after=("postgres",) if once else ("airflow-migrate",),
            once=once,
        )

    api = program("airflow-api", "api-server", part="metadatabase")
    port = (place.settings.airflow_port, "HEALTH_PREDICT_AIRFLOW_PORT")
    return (
        program("airflow-migrate", "db", "migrate", part="metadatabase", once=True),
        Program(**{**vars(api), "check": partial(health.airflow_login, place), "port": port}),
        # logs are read from the folder; a log server would listen on every interface
        program("airflow-scheduler", "scheduler", "--skip-serve-logs", part="scheduler"),
        program("airflow-dag-processor", "dag-processor", part="dag_processor"),
    )


def _reconciler() -> Program:
    return Program(
        name="reconciler",
        command=(str(PIPELINES / "bin" / "python"), "-m", _RECONCILER, "--every", "15"),
        environment={"HEALTH_PREDICT_STATE": str(state_folder())},
        check=lambda: "",  # that it runs is all that can be seen of it
        after=("airflow-api",),
    )
