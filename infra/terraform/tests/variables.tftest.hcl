# What variables refuse. tests/infra/test_terraform.py runs this for real on variables.tf alone, without the provider.
mock_provider "aws" {}

variables {
  owner             = "a tester"
  budget_emails     = ["owner@example.org"]
  repository_url    = "https://example.org/health-predict"
  repository_commit = "0123456789abcdef0123456789abcdef01234567"
}

run "world_ipv4" {
  command = plan
  variables {
    allowed_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.allowed_cidrs]
}

run "world_ipv6" {
  command = plan
  variables {
    allowed_cidrs = ["198.51.100.7/32", "::/0"]
  }
  expect_failures = [var.allowed_cidrs]
}

run "world_ipv6_written_out" {
  command = plan
  variables {
    allowed_cidrs = ["0:0:0:0:0:0:0:0/0"]
  }
  expect_failures = [var.allowed_cidrs]
}

run "half_the_world" {
  command = plan
  variables {
    allowed_cidrs = ["0.0.0.0/1", "128.0.0.0/1"]
  }
  expect_failures = [var.allowed_cidrs]
}

run "wide_ipv6" {
  command = plan
  variables {
    allowed_cidrs = ["2001:db8::/32"]
  }
  expect_failures = [var.allowed_cidrs]
}

run "no_range" {
  command = plan
  variables {
    allowed_cidrs = ["198.51.100.7"]
  }
  expect_failures = [var.allowed_cidrs]
}

run "ssh" {
  command = plan
  variables {
    allowed_ports = [443, 22]
  }
  expect_failures = [var.allowed_ports]
}

run "small_machine" {
  command = plan
  variables {
    instance_type = "t3.medium"
  }
  expect_failures = [var.instance_type]
}

run "no_machine" {
  command = plan
  variables {
    instance_type = "large"
  }
  expect_failures = [var.instance_type]
}

run "region" {
  command = plan
  variables {
    region = "Frankfurt"
  }
  expect_failures = [var.region]
}

run "zone" {
  command = plan
  variables {
    zone = "us-east-1a"
  }
  expect_failures = [var.zone]
}

run "project" {
  command = plan
  variables {
    project = "Health_Predict"
  }
  expect_failures = [var.project]
}

run "environment" {
  command = plan
  variables {
    environment = "production"
  }
  expect_failures = [var.environment]
}

run "owner" {
  command = plan
  variables {
    owner = ""
  }
  expect_failures = [var.owner]
}

run "cost_centre" {
  command = plan
  variables {
    cost_centre = "<none>"
  }
  expect_failures = [var.cost_centre]
}

run "small_disk" {
  command = plan
  variables {
    data_volume_gib = 8
  }
  expect_failures = [var.data_volume_gib]
}

run "part_of_a_gib" {
  command = plan
  variables {
    root_volume_gib = 20.5
  }
  expect_failures = [var.root_volume_gib]
}

run "public_network" {
  command = plan
  variables {
    vpc_cidr = "8.8.0.0/16"
  }
  expect_failures = [var.vpc_cidr]
}

run "huge_network" {
  command = plan
  variables {
    vpc_cidr = "10.0.0.0/8"
  }
  expect_failures = [var.vpc_cidr]
}

run "repositories" {
  command = plan
  variables {
    repositories = ["Server"]
  }
  expect_failures = [var.repositories]
}

run "wildcard_prefix" {
  command = plan
  variables {
    extra_prefixes = ["*"]
  }
  expect_failures = [var.extra_prefixes]
}

run "password_in_the_url" {
  command = plan
  variables {
    repository_url = "https://me:secret@example.org/health-predict"
  }
  expect_failures = [var.repository_url]
}

run "url_that_ends_a_quotation" {
  command = plan
  variables {
    repository_url = "https://example.org/a'; reboot; '"
  }
  expect_failures = [var.repository_url]
}

run "branch" {
  command = plan
  variables {
    repository_commit = "main"
  }
  expect_failures = [var.repository_commit]
}

run "schedule" {
  command = plan
  variables {
    stop_schedule = "20:00"
  }
  expect_failures = [var.stop_schedule]
}

run "timezone" {
  command = plan
  variables {
    stop_timezone = "UTC+1"
  }
  expect_failures = [var.stop_timezone]
}

run "budget" {
  command = plan
  variables {
    monthly_budget_usd = 0
  }
  expect_failures = [var.monthly_budget_usd]
}

run "nobody_is_told" {
  command = plan
  variables {
    budget_emails = []
  }
  expect_failures = [var.budget_emails]
}
