# What is planned when only the owner's own values are given.
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "000000000000" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_data "aws_ec2_instance_type" {
    defaults = {
      memory_size                     = 16384
      hypervisor                      = "nitro"
      supported_architectures         = ["x86_64"]
      burstable_performance_supported = true
    }
  }
}

variables {
  owner             = "a tester"
  budget_emails     = ["owner@example.org"]
  repository_url    = "https://example.org/health-predict"
  repository_commit = "0123456789abcdef0123456789abcdef01234567"
}

run "nothing_comes_in" {
  command = plan

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.allowed) == 0
    error_message = "there is an ingress rule by default"
  }
}

run "allowed_ranges" {
  command = plan

  variables {
    allowed_cidrs = ["198.51.100.7/32", "2001:db8:1::/48"]
    allowed_ports = [443, 8443]
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.allowed) == 4
    error_message = "not one rule for each range and port"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.allowed["2001:db8:1::/48 443"].cidr_ipv6 == "2001:db8:1::/48"
    error_message = "an IPv6 range is not one"
  }
}

run "machine" {
  command = plan

  assert {
    condition     = aws_instance.machine.metadata_options[0].http_tokens == "required" && aws_instance.machine.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "IMDSv2 is not required with hop limit 1"
  }

  assert {
    condition     = aws_instance.machine.root_block_device[0].encrypted && aws_ebs_volume.data.encrypted
    error_message = "a disk is not encrypted"
  }
}

run "data_stays" {
  command = plan

  assert {
    condition     = !aws_s3_bucket.data.force_destroy && alltrue([for repository in aws_ecr_repository.images : !repository.force_delete])
    error_message = "terraform destroy would delete data"
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.images : repository.image_tag_mutability == "IMMUTABLE"])
    error_message = "tags of images move"
  }

  assert {
    condition     = aws_s3_bucket.data.bucket == "health-predict-prod-000000000000-us-east-1"
    error_message = "the bucket has another name"
  }
}

run "too_little_memory" {
  command = plan

  override_data {
    target = data.aws_ec2_instance_type.chosen
    values = {
      memory_size                     = 4096
      hypervisor                      = "nitro"
      supported_architectures         = ["x86_64"]
      burstable_performance_supported = false
    }
  }

  expect_failures = [aws_instance.machine]
}

run "another_architecture" {
  command = plan

  override_data {
    target = data.aws_ec2_instance_type.chosen
    values = {
      memory_size                     = 16384
      hypervisor                      = "nitro"
      supported_architectures         = ["arm64"]
      burstable_performance_supported = false
    }
  }

  expect_failures = [aws_instance.machine]
}
