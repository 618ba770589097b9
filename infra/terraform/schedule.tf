# The machine is stopped each night; make aws-up starts it again.
data "aws_iam_policy_document" "schedule_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "schedule" {
  name               = "${local.name}-stop"
  description        = "Stops the machine of ${local.name}"
  assume_role_policy = data.aws_iam_policy_document.schedule_trust.json
}

data "aws_iam_policy_document" "schedule" {
  statement {
    sid       = "StopThisMachine"
    actions   = ["ec2:StopInstances"]
    resources = [aws_instance.machine.arn]
  }
}

resource "aws_iam_role_policy" "schedule" {
  name   = "stop"
  role   = aws_iam_role.schedule.id
  policy = data.aws_iam_policy_document.schedule.json
}

resource "aws_scheduler_schedule" "stop" {
  #checkov:skip=CKV_AWS_297:it holds an instance id and nothing secret; AWS's own key encrypts it
  name                         = "${local.name}-stop"
  description                  = "Stops the machine of ${local.name}"
  schedule_expression          = var.stop_schedule
  schedule_expression_timezone = var.stop_timezone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${local.partition}:scheduler:::aws-sdk:ec2:stopInstances"
    role_arn = aws_iam_role.schedule.arn
    input    = jsonencode({ InstanceIds = [aws_instance.machine.id] })

    retry_policy {
      maximum_retry_attempts       = 3
      maximum_event_age_in_seconds = 3600
    }
  }
}
