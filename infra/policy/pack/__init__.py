"""The checks as a policy pack for the Pulumi engine."""
