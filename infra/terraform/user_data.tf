# What the machine does at its first boot. Packed, since EC2 takes 16 KiB.
locals {
  machine = "${path.module}/../aws/machine"
  first_boot = templatefile("${path.module}/first_boot.sh.tftpl", {
    data_disk     = file("${local.machine}/data-disk.sh")
    install_tools = file("${local.machine}/install-tools.sh")
    volume        = aws_ebs_volume.data.id
    url           = var.repository_url
    commit        = var.repository_commit
    region        = var.region
    bucket        = aws_s3_bucket.data.bucket
    registry_host = local.registry_host
    project       = var.project
    environment   = var.environment
  })
  user_data = base64gzip(local.first_boot)
}
