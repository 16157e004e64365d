"""What a model promises: latency and availability, which monitoring holds it to."""
