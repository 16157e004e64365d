"""What an account may do, asked of the API server's own authorizer."""

from __future__ import annotations

from dataclasses import dataclass

from tests.cluster.client import Client


@dataclass(frozen=True, slots=True)
class Account:
    """A service account and the questions that can be asked about it."""

    client: Client
    namespace: str
    name: str

    def may(self, verb: str, resource: str, namespace: str = "", name: str = "", group: str = "") -> bool:
        """Whether it may: `account.may("list", "pods", "inference")`; a subresource as `pods/exec`; no namespace is
        the whole cluster."""
        kind, _, subresource = resource.partition("/")
        attributes = {
            "verb": verb,
            "group": group,
            "resource": kind,
            "subresource": subresource,
            "namespace": namespace,
            "name": name,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "metadata": {},
            "spec": {
                "user": f"system:serviceaccount:{self.namespace}:{self.name}",
                "groups": [
                    "system:serviceaccounts",
                    f"system:serviceaccounts:{self.namespace}",
                    "system:authenticated",
                ],
                "resourceAttributes": attributes,
            },
        }
        return bool(self.client.create(review)["status"]["allowed"])
