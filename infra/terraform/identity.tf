# What the machine may do: data by prefix, images by repository, and be reached by SSM.
locals {
  # what must last: the machine adds to it; it deletes there only the drafts that it renames when they are whole
  kept_prefixes = ["raw_data", "processed_data", "current_batch_for_monitoring", "drift_reports", "monitoring", "mlflow"]
  # ZenML puts what a step returns below the step's name at the top of the bucket, and logs beside it
  working_prefixes = concat(var.extra_prefixes, [
    "logs", "custom_artifacts",
    "adopt_model", "build_image", "check_batch", "check_own_file", "decide_batch", "deploy_release", "evaluate_model",
    "explore_data", "fetch_release", "fit_model", "load_data", "load_matured", "notify_alarm", "notify_promotion",
    "promote_model", "recalibrate_model", "record_rollout", "register_model", "score_batch", "score_file",
    "search_models", "take_batch", "take_configuration", "upload_data", "verify_release",
  ])
  kept    = [for prefix in local.kept_prefixes : "${aws_s3_bucket.data.arn}/${prefix}/*"]
  drafts  = [for prefix in local.kept_prefixes : "${aws_s3_bucket.data.arn}/${prefix}/*.new"]
  working = [for prefix in local.working_prefixes : "${aws_s3_bucket.data.arn}/${prefix}/*"]
}

data "aws_iam_policy_document" "machine_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "machine" {
  name               = "${local.name}-machine"
  description        = "The machine of ${local.name}"
  assume_role_policy = data.aws_iam_policy_document.machine_trust.json
}

resource "aws_iam_instance_profile" "machine" {
  name = aws_iam_role.machine.name
  role = aws_iam_role.machine.name
}

# what the SSM agent needs: sessions, port forwarding and commands, instead of SSH
resource "aws_iam_role_policy_attachment" "ssm" {
  role       = aws_iam_role.machine.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

data "aws_iam_policy_document" "data" {
  statement {
    sid       = "Look"
    actions   = ["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"]
    resources = [aws_s3_bucket.data.arn]
  }

  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = concat(local.kept, local.working)
  }

  statement {
    sid       = "Write"
    actions   = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    resources = concat(local.kept, local.working)
  }

  statement {
    sid       = "Remove"
    actions   = ["s3:DeleteObject"] # versions stay: no one here may delete those
    resources = concat(local.drafts, local.working)
  }
}

resource "aws_iam_policy" "data" {
  name        = "${local.name}-data"
  description = "Data, artifacts and reports by prefix"
  policy      = data.aws_iam_policy_document.data.json
}

resource "aws_iam_role_policy_attachment" "data" {
  role       = aws_iam_role.machine.name
  policy_arn = aws_iam_policy.data.arn
}

data "aws_iam_policy_document" "images" {
  #checkov:skip=CKV_AWS_356:GetAuthorizationToken knows no resource; all else here names its repositories
  statement {
    sid       = "LogIn"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid = "PullAndPush"
    actions = [
      "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:DescribeImages",
      "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage",
    ]
    resources = [for repository in aws_ecr_repository.images : repository.arn]
  }
}

resource "aws_iam_policy" "images" {
  name        = "${local.name}-images"
  description = "Pull and push in the project's own repositories"
  policy      = data.aws_iam_policy_document.images.json
}

resource "aws_iam_role_policy_attachment" "images" {
  role       = aws_iam_role.machine.name
  policy_arn = aws_iam_policy.images.arn
}
