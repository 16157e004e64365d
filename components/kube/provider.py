"""The Kubernetes provider of the stack, from a kubeconfig that holds no credentials."""

from __future__ import annotations

import json

import pulumi
import pulumi_kubernetes as k8s


def kubeconfig(cluster_name: str, region: str, endpoint: str, certificate_authority: str) -> str:
    """A kubeconfig (JSON) that asks `aws eks get-token` for a token at each use, so that the state holds none.

    `certificate_authority` is base64 as `aws.eks.Cluster` gives it.
    """
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "aws",
            "args": ["--region", region, "eks", "get-token", "--cluster-name", cluster_name, "--output", "json"],
            "interactiveMode": "Never",
        }
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": cluster_name,
                    "cluster": {"server": endpoint, "certificate-authority-data": certificate_authority},
                }
            ],
            "users": [{"name": cluster_name, "user": user}],
            "contexts": [{"name": cluster_name, "context": {"cluster": cluster_name, "user": cluster_name}}],
            "current-context": cluster_name,
        }
    )


def kube_provider(
    name: str,
    config: pulumi.Input[str],
    cluster_identifier: str,
    opts: pulumi.ResourceOptions,
) -> k8s.Provider:
    """The provider through which every Kubernetes object of the stack is made.

    `cluster_identifier` is given from the first day and never unknown: with it a changed API address or an unknown
    kubeconfig updates the provider; without it the provider, and with it every object, would be replaced
    (pulumi-kubernetes#2745, seen on a real control plane). ConfigMaps and Secrets change in place, since a replaced one
    would leave its readers without it.
    """
    return k8s.Provider(
        name,
        kubeconfig=config,
        cluster_identifier=cluster_identifier,
        enable_server_side_apply=True,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        opts=opts,
    )
