"""The pods of an engine: resources, probes, volumes and security context."""
