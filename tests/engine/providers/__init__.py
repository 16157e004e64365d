"""Simulated providers: plugins that the engine starts, which keep what they create in one file.

`sdk` knows the types of the Python SDKs, `world` keeps the objects, `base` is what every provider does, and `aws`,
`eks` and `kubernetes` are what each does by itself. `server` keeps them warm in one process; the plugins' executables
(`plugins`) only ask it for a port.
"""
