"""Upload: from a file of encounters to the stack's artifact store."""

from zenml import pipeline

from health_predict.splits import Protocol
from steps.data.upload_data import upload_data


@pipeline(name="health_predict_data_upload", enable_cache=False)
def uploading_pipeline(uri: str, source: str, sha256: str, seed: int, protocol: Protocol) -> None:
    """Put the raw file and the parts that a training would make of it where every machine of the stack finds them."""
    upload_data(uri=uri, source=source, sha256=sha256, seed=seed, protocol=protocol)
