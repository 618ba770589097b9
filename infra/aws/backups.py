"""Whether what a teardown deletes was copied somewhere: what it can see of that, in words."""

from infra.aws.account_steps import answering
from infra.aws.teardown_step import Account


def find_backups(account: Account) -> list[str]:
    """Return a line for the databases, which are on the data disk, and one for the model files, in the bucket."""
    with answering("snapshots"):
        filters = [{"Name": "volume-id", "Values": [account.data_volume]}, {"Name": "status", "Values": ["completed"]}]
        snapshots = account.client("ec2").describe_snapshots(OwnerIds=["self"], Filters=filters)["Snapshots"]
    newest = max(snapshots, key=lambda snapshot: snapshot["StartTime"], default=None)
    disk = f"snapshot {newest['SnapshotId']} of {newest['StartTime']:%Y-%m-%d %H:%M} UTC" if newest else "NONE"
    copy = f"aws s3 sync s3://{account.bucket} FOLDER"
    return [
        f"registry and databases (data disk): {disk}",
        f"model files and data (bucket): not known here; this makes one: {copy}",
    ]
