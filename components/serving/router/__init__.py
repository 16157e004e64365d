"""The SGLang router in front of a model's groups: the mode `routed`."""
