"""A played stack: what its exporters would answer through load, outage and recovery."""

from tests.behaviour.world.conditions import LOAD, OUTAGE, RECOVERY, SCENARIO, Conditions, Phase
from tests.behaviour.world.play import World
from tests.behaviour.world.target import Target

__all__ = ["LOAD", "OUTAGE", "RECOVERY", "SCENARIO", "Conditions", "Phase", "Target", "World"]
