"""What a user can cause, as exceptions of one line that name the file, the field and the cure."""


class HealthPredictError(Exception):
    """A failure that is explained to the user in one line; `exit_code` is what the command line returns."""

    exit_code = 1


class InputError(HealthPredictError):
    """Bad input: a file, a value, an argument or a configuration key (exit code 2)."""

    exit_code = 2


class InfrastructureError(HealthPredictError):
    """Something outside the project cannot be reached or started (exit code 5)."""

    exit_code = 5
