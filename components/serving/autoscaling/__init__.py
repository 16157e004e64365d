"""How many groups serve: KEDA scales each role's LeaderWorkerSet by what its engines report."""
