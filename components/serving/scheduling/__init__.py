"""How the engine batches and queues requests."""
