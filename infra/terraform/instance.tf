# The machine and the disk that outlives it.
data "aws_ssm_parameter" "ubuntu" {
  name = local.parameter
}

data "aws_ec2_instance_type" "chosen" {
  instance_type = var.instance_type
}

resource "aws_instance" "machine" {
  #checkov:skip=CKV_AWS_88:a public address and no ingress rule: it is what the machine calls out with, where a NAT gateway would cost more than the machine
  #checkov:skip=CKV_AWS_126:no detailed monitoring: it costs extra, and the services have health checks of their own
  ami                         = data.aws_ssm_parameter.ubuntu.insecure_value
  instance_type               = var.instance_type
  subnet_id                   = aws_subnet.public.id
  vpc_security_group_ids      = [aws_security_group.machine.id]
  iam_instance_profile        = aws_iam_instance_profile.machine.name
  associate_public_ip_address = true
  ebs_optimized               = true
  user_data_base64            = local.user_data
  user_data_replace_on_change = true # what must last is on the data disk
  tags                        = { Name = local.name }
  volume_tags                 = { Name = "${local.name}-root" }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1 # containers get short-lived credentials from the host; docs/decisions/imdsv2-in-containers.md
    instance_metadata_tags      = "disabled"
  }

  root_block_device {
    volume_type           = "gp3"
    volume_size           = var.root_volume_gib
    encrypted             = true
    delete_on_termination = true
  }

  # burstable types by default go on above their credits, at a price
  dynamic "credit_specification" {
    for_each = data.aws_ec2_instance_type.chosen.burstable_performance_supported ? [1] : []
    content {
      cpu_credits = "standard"
    }
  }

  lifecycle {
    ignore_changes = [ami] # a newer image must not replace a running machine; taint it to take one

    precondition {
      condition     = data.aws_ec2_instance_type.chosen.memory_size >= 8192
      error_message = "instance_type: ${var.instance_type} has less than 8 GiB of memory; use t3.large or larger."
    }

    precondition {
      condition     = data.aws_ec2_instance_type.chosen.hypervisor == "nitro"
      error_message = "instance_type: ${var.instance_type} is older than Nitro, whose disks infra/aws/machine/data-disk.sh finds by their ids."
    }

    precondition {
      condition     = contains(data.aws_ec2_instance_type.chosen.supported_architectures, "x86_64")
      error_message = "instance_type: ${var.instance_type} is not x86-64, which the pinned tools and Seldon's images are built for."
    }
  }
}

resource "aws_ebs_volume" "data" {
  #checkov:skip=CKV_AWS_189:encrypted with the account's own EBS key; a key of the project would add a monthly price and nothing else in one account
  #checkov:skip=CKV2_AWS_9:no backup plan: artifacts are versioned in S3; docs/aws.md shows the snapshot to take before a destroy
  availability_zone = aws_subnet.public.availability_zone
  type              = "gp3"
  size              = var.data_volume_gib
  encrypted         = true
  tags              = { Name = "${local.name}-data" }
}

resource "aws_volume_attachment" "data" {
  device_name                    = local.data_device
  instance_id                    = aws_instance.machine.id
  volume_id                      = aws_ebs_volume.data.id
  stop_instance_before_detaching = true
}
