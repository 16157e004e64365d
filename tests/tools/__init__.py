"""Programs that only tests need, built from pinned Go modules into a cache outside the repository.

`make tools` fills the cache; tests ask `find` for a program and skip in one line where it is absent. Each folder beside
this file is one pinned Go module (`go.mod`, `go.sum`), since the programs' dependencies contradict each other.
"""

from tests.tools.programs import MODULES, PROGRAMS, Program, cache_folder, find, plugin, source

__all__ = ["MODULES", "PROGRAMS", "Program", "cache_folder", "find", "plugin", "source"]
