"""The optional gateway before the models: LiteLLM's proxy, which reads the field `model` of a request."""
