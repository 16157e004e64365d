"""One way to make each kind of Kubernetes thing: provider, namespace, chart release, object."""

from components.kube.namespace import PodSecurity, namespace
from components.kube.objects import custom_object, quantities
from components.kube.provider import kube_provider, kubeconfig
from components.kube.release import release

__all__ = ["PodSecurity", "custom_object", "kube_provider", "kubeconfig", "namespace", "quantities", "release"]
