"""What is known about the outside world, as typed data; every row names its source. Pure: imports no Pulumi."""
