"""The network: a VPC of the stack's own or an existing one, checked for the pods and EFA interfaces planned."""
