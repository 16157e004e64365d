"""Low-rank adapters over one model, static and loaded at run time."""
