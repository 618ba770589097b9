variable "region" {
  description = "AWS region of everything."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: expected a name such as us-east-1."
  }
}

variable "zone" {
  description = "Letter of the availability zone of the machine and its disk, which cannot move to another."
  type        = string
  default     = "a"

  validation {
    condition     = can(regex("^[a-z]$", var.zone))
    error_message = "zone: expected one small letter, such as a."
  }
}

variable "project" {
  description = "First part of every name."
  type        = string
  default     = "health-predict"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,19}$", var.project))
    error_message = "project: expected 3 to 20 small letters, digits and hyphens, a letter first."
  }
}

variable "environment" {
  description = "Second part of every name, so that two of them can stand in one account."
  type        = string
  default     = "prod"

  validation {
    condition     = contains(["dev", "test", "prod"], var.environment)
    error_message = "environment: expected dev, test or prod."
  }
}

variable "owner" {
  description = "Who answers for the cost and the data; a tag."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9 ._@-]{2,64}$", var.owner))
    error_message = "owner: expected a name of 2 to 64 characters."
  }
}

variable "cost_centre" {
  description = "Where the cost is booked; a tag."
  type        = string
  default     = "health-predict"

  validation {
    condition     = can(regex("^[A-Za-z0-9 ._-]{2,64}$", var.cost_centre))
    error_message = "cost_centre: expected a name of 2 to 64 characters."
  }
}

variable "instance_type" {
  description = "Type of the machine: x86-64, 8 GiB of memory or more (instance.tf asks AWS); 16 GiB is comfortable."
  type        = string
  default     = "t3.xlarge"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.instance_type))
    error_message = "instance_type: expected a name such as t3.xlarge."
  }

  validation {
    condition     = !can(regex("\\.(nano|micro|small|medium)$", var.instance_type))
    error_message = "instance_type: nano to medium have less than 8 GiB of memory; use t3.large or larger."
  }
}

variable "root_volume_gib" {
  description = "Size of the root disk in GiB."
  type        = number
  default     = 20

  validation {
    condition     = var.root_volume_gib >= 16 && var.root_volume_gib <= 200 && floor(var.root_volume_gib) == var.root_volume_gib
    error_message = "root_volume_gib: expected a whole number from 16 to 200."
  }
}

variable "data_volume_gib" {
  description = "Size in GiB of the disk that outlives the machine: images, databases, state."
  type        = number
  default     = 60

  validation {
    condition     = var.data_volume_gib >= 40 && var.data_volume_gib <= 1000 && floor(var.data_volume_gib) == var.data_volume_gib
    error_message = "data_volume_gib: expected a whole number from 40 to 1000."
  }
}

variable "vpc_cidr" {
  description = "Private range of the network."
  type        = string
  default     = "10.42.0.0/16"

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", var.vpc_cidr))
    error_message = "vpc_cidr: expected a private IPv4 range, such as 10.42.0.0/16."
  }

  validation {
    condition     = can(regex("/(1[6-9]|2[0-4])$", var.vpc_cidr))
    error_message = "vpc_cidr: expected a prefix from /16 to /24."
  }
}

variable "allowed_cidrs" {
  description = "Ranges that may reach allowed_ports. Leave it empty: the services are reached through SSM, which needs no open port."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for range in var.allowed_cidrs : can(cidrhost(range, 0))])
    error_message = "allowed_cidrs: expected ranges such as 198.51.100.7/32."
  }

  validation {
    condition     = !anytrue([for range in var.allowed_cidrs : endswith(range, "/0")])
    error_message = "allowed_cidrs: 0.0.0.0/0 and ::/0 are the whole internet; name your own range, or leave it empty and use SSM."
  }

  validation {
    # two halves are the whole, too
    condition = alltrue([
      for range in var.allowed_cidrs : try(tonumber(split("/", range)[1]), 0) >= (strcontains(range, ":") ? 48 : 16)
    ])
    error_message = "allowed_cidrs: too wide; IPv4 needs /16 or longer, IPv6 /48 or longer."
  }
}

variable "allowed_ports" {
  description = "TCP ports that allowed_cidrs may reach. The services listen on loopback alone: put a TLS proxy of your own before them."
  type        = set(number)
  default     = [443]

  validation {
    condition     = alltrue([for port in var.allowed_ports : port >= 1 && port <= 65535 && port != 22])
    error_message = "allowed_ports: expected ports from 1 to 65535 and not 22; a shell is had through SSM."
  }
}

variable "repositories" {
  description = "ECR repositories below the project's name, beside the one of that name for the pipelines' steps."
  type        = set(string)
  default     = ["health-predict-server"]

  validation {
    condition     = length(var.repositories) > 0 && alltrue([for name in var.repositories : can(regex("^[a-z0-9]+([._-][a-z0-9]+)*$", name))])
    error_message = "repositories: expected at least one name of small letters and digits."
  }
}

variable "extra_prefixes" {
  description = "Folders at the top of the bucket that the machine may write to, beside those that identity.tf names."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for prefix in var.extra_prefixes : can(regex("^[A-Za-z0-9_-]+$", prefix))])
    error_message = "extra_prefixes: expected names without a slash or a wildcard."
  }
}

variable "repository_url" {
  description = "Where the machine clones this project from, over https and without a password in it."
  type        = string

  validation {
    condition     = can(regex("^https://[A-Za-z0-9.-]+/[A-Za-z0-9._/-]+$", var.repository_url))
    error_message = "repository_url: expected https://host/path, without user or password."
  }
}

variable "repository_commit" {
  description = "The commit that the machine runs; a branch would move under it."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{40}$", var.repository_commit))
    error_message = "repository_commit: expected the 40 digits of a commit (git rev-parse HEAD)."
  }
}

variable "stop_schedule" {
  description = "When the machine is stopped, as EventBridge Scheduler writes it. It is started by make aws-up."
  type        = string
  default     = "cron(0 20 * * ? *)"

  validation {
    condition     = can(regex("^cron\\([^()]+\\)$", var.stop_schedule))
    error_message = "stop_schedule: expected cron(minute hour day month weekday year)."
  }
}

variable "stop_timezone" {
  description = "Time zone of stop_schedule."
  type        = string
  default     = "UTC"

  validation {
    condition     = can(regex("^[A-Za-z]+(/[A-Za-z_+-]+)*$", var.stop_timezone))
    error_message = "stop_timezone: expected a name such as Europe/Berlin."
  }
}

variable "monthly_budget_usd" {
  description = "US dollars a month above which the budget alarm rings (80 % spent, or 100 % foreseen)."
  type        = number
  default     = 100

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd: expected more than 0."
  }
}

variable "budget_emails" {
  description = "Who is told by the budget alarm."
  type        = set(string)

  validation {
    condition     = length(var.budget_emails) > 0 && length(var.budget_emails) <= 10 && alltrue([for mail in var.budget_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", mail))])
    error_message = "budget_emails: expected 1 to 10 addresses."
  }
}

variable "allow_destroy" {
  description = "Let terraform destroy delete data and images that are still there. make destroy needs it not: it asks, and empties them first."
  type        = bool
  default     = false
}
