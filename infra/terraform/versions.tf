terraform {
  required_version = "~> 1.11" # the S3 backend locks with a file of its own from here on

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.62.0"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      project     = var.project
      environment = var.environment
      owner       = var.owner
      cost-centre = var.cost_centre
      data-class  = "health"
      managed-by  = "terraform"
    }
  }
}
