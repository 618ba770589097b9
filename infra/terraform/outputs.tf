# What make aws-env writes for the stack, and what make destroy and make aws-up look for. Nothing here is secret.
output "region" {
  description = "Region of everything."
  value       = var.region
}

output "instance_id" {
  description = "The machine, for SSM."
  value       = aws_instance.machine.id
}

output "bucket" {
  description = "Bucket of data, artifacts and reports."
  value       = aws_s3_bucket.data.bucket
}

output "logs_bucket" {
  description = "Bucket of the access log."
  value       = aws_s3_bucket.logs.bucket
}

output "registry" {
  description = "Host and first part of the repositories, as an image name begins."
  value       = "${local.registry_host}/${var.project}"
}

output "repositories" {
  description = "Names of the ECR repositories."
  value       = sort([for repository in aws_ecr_repository.images : repository.name])
}

output "data_volume_id" {
  description = "The disk that outlives the machine, for snapshots."
  value       = aws_ebs_volume.data.id
}

output "project" {
  description = "Value of the tag `project` on everything."
  value       = var.project
}

output "environment" {
  description = "Value of the tag `environment` on everything."
  value       = var.environment
}
