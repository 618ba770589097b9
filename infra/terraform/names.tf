# What the names of resources are made of.
data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  # bucket names are shared by all the world's accounts
  bucket        = "${var.project}-${var.environment}-${local.account}-${var.region}"
  registry_host = "${local.account}.dkr.ecr.${var.region}.amazonaws.com"
  name          = "${var.project}-${var.environment}"
  # the first is that of the pipelines' steps: ZenML calls it default_repository
  repositories = toset(concat([var.project], [for name in var.repositories : "${var.project}/${name}"]))
  parameter    = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
  data_device  = "/dev/sdf" # on the machine an NVMe disk, found by its volume's id
}
