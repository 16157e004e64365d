"""The in-process engine behind `preview`: it runs the real program without a cloud and records what it registers.

Importing this package loads no Pulumi; `record` does, when it is called.
"""

from infra.offline.program import record
from infra.offline.recording import NotRecordedError, Recorded, Recording, Secret, Unknown

__all__ = ["NotRecordedError", "Recorded", "Recording", "Secret", "Unknown", "record"]
