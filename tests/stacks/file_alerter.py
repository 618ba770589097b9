"""An alerter that writes to a file, and one that breaks: what a stack may have instead of Slack or mail."""

from pathlib import Path

from zenml.alerter import BaseAlerter, BaseAlerterConfig, BaseAlerterFlavor


class FileAlerterConfig(BaseAlerterConfig):
    file: str


class FileAlerter(BaseAlerter):
    def post(self, message, params=None):
        with Path(self.config.file).open("a") as file:
            file.write(f"{message}\n")
        return True


class FileAlerterFlavor(BaseAlerterFlavor):
    @property
    def name(self):
        return "file"

    @property
    def config_class(self):
        return FileAlerterConfig

    @property
    def implementation_class(self):
        return FileAlerter
