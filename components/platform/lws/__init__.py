"""The LeaderWorkerSet controller: it runs one engine over several pods as a group."""
