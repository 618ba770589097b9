# One public subnet whose machine nobody can call: a NAT gateway would cost more than the machine's own address.
resource "aws_vpc" "main" {
  #checkov:skip=CKV2_AWS_11:no flow logs: there is no ingress to watch, and storing them would cost more than the network
  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = local.name }
}

resource "aws_subnet" "public" {
  vpc_id                  = aws_vpc.main.id
  cidr_block              = cidrsubnet(var.vpc_cidr, 4, 0)
  availability_zone       = "${var.region}${var.zone}"
  map_public_ip_on_launch = false
  tags                    = { Name = "${local.name}-public" }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = local.name }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "${local.name}-public" }

  route {
    cidr_block = "0.0.0.0/0" # outwards; what may come in is the security group's
    gateway_id = aws_internet_gateway.main.id
  }
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

# to S3 without leaving AWS, at no cost
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.main.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.public.id]
  tags              = { Name = "${local.name}-s3" }
}

# adopted to take every rule from it
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "${local.name}-default-closed" }
}

resource "aws_security_group" "machine" {
  name        = "${local.name}-machine"
  description = "The machine: out by HTTP and HTTPS, in from allowed_cidrs alone"
  vpc_id      = aws_vpc.main.id
  tags        = { Name = "${local.name}-machine" }
}

resource "aws_vpc_security_group_egress_rule" "web" {
  for_each          = { https = 443, http = 80 } # http: Ubuntu's mirrors, whose packages are signed
  security_group_id = aws_security_group.machine.id
  description       = "${each.key} to AWS, registries and mirrors"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

resource "aws_vpc_security_group_ingress_rule" "allowed" {
  for_each = {
    for pair in setproduct(var.allowed_cidrs, var.allowed_ports) :
    "${pair[0]} ${pair[1]}" => { range = pair[0], port = tonumber(pair[1]) }
  }
  security_group_id = aws_security_group.machine.id
  description       = "from allowed_cidrs"
  cidr_ipv4         = strcontains(each.value.range, ":") ? null : each.value.range
  cidr_ipv6         = strcontains(each.value.range, ":") ? each.value.range : null
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}
