"""The engine tier: the real program on the real Pulumi engine, against simulated providers."""
