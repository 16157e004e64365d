"""What the engine starts for `--policy-pack infra/policy/pack`."""

from pulumi_policy import PolicyPack

from infra.policy.pack.policies import policies

PolicyPack("sglang-hyperpod", policies())
