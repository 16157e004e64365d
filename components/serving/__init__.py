"""The workload: a model becomes groups of SGLang ranks, sized for the pool they run on."""
