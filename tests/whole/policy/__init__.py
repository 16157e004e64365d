"""The checks of the policy pack, each on a shipped stack with one thing broken."""
