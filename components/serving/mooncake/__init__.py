"""A Mooncake store of a model's own: its master, and the memory of the engines' pods in which the pages lie."""
