"""Starts and ends a Kubernetes control plane on loopback: etcd, API server, controllers, scheduler, kwok, LWS.

KEDA comes beside it where a test asks for it (`tests.cluster.keda`).
"""

from __future__ import annotations

import json
import secrets
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import create_default_context

from tests.cluster import definitions
from tests.cluster.account import account
from tests.cluster.certificates import Authority, signing_key
from tests.cluster.client import Client
from tests.cluster.processes import Processes, free_ports
from tests.tools import find, source

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "lws")
SOURCES = ("lws", "kwok", "keda", "prometheus-operator")
LATEST = "lws-0.10"
"""LeaderWorkerSet as stacks install it, which not every module proxy serves; else it is 0.9, which scales no role of a
DisaggregatedSet."""
MANAGED = "kwok.x-k8s.io/node"
"""The label by which kwok knows its nodes; without it a node's kubelet has fallen silent."""

READER = "reader"
KEDA = "keda-operator"
"""KEDA's service account in the namespace `keda`; the API server knows a token of it."""
"""A user without rights of its own, whose requests are logged."""

LEASE_SECONDS = 8
GRACE_SECONDS = 12
"""A kubelet renews its lease every quarter of 8 s, and is NotReady after 12 s of silence (40 and 50 s on EKS)."""


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """A running control plane: its client and its programs, and how else to speak to it: as the holder of `token`, to
    `server`, whose certificate is by `authority` (a file).

    `reader_kubeconfig` is for the user `reader`, who has no rights but those that a test gives; `audit` is the API
    server's log of what this user asked for, one JSON object a line. `folder` holds all its files, among them KEDA's
    kubeconfig; `certificates` issues more of them.
    """

    client: Client
    processes: Processes
    server: str
    authority: Path
    token: str
    reader_kubeconfig: Path
    audit: Path
    folder: Path
    certificates: Authority

    def account(self) -> str:
        """What the cluster has to say for itself, for a failing test."""
        return account(self.client, self.processes)


def scales_roles() -> bool:
    """Whether the LeaderWorkerSet here is one whose DisaggregatedSets scale by role."""
    return find(LATEST) is not None


def missing() -> list[str]:
    """What has to be built or fetched before a control plane can start (`make tools`)."""
    return [name for name in PROGRAMS if find(name) is None] or [name for name in SOURCES if source(name) is None]


@contextmanager
def control_plane() -> Generator[ControlPlane]:
    """A control plane with the charts' definitions and no nodes; ends with the block, however the block ends."""
    with tempfile.TemporaryDirectory(prefix="control-plane-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        processes = Processes(folder)
        try:
            yield _Start(folder, processes).run()
        finally:
            processes.stop_all()


def launch(
    processes: Processes, name: str, flags: Mapping[str, object], environment: Mapping[str, str] | None = None
) -> None:
    """Start one of the built programs; `secure_port=0` becomes `--secure-port=0`. Raises FileNotFoundError."""
    program = find(name)
    if program is None:
        raise FileNotFoundError(name)
    options = [f"--{flag.replace('_', '-')}={value}" for flag, value in flags.items()]
    processes.start(name, [program, *options], environment)


class _Start:
    """The steps from an empty folder to a served LeaderWorkerSet API."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self._folder = folder
        self._processes = processes
        self._authority = Authority(folder)
        self._token, self._reader_token, self._keda_token = (secrets.token_hex(16) for _ in range(3))
        self._ports = iter(free_ports(7))
        self._kubeconfig, self._reader = folder / "kubeconfig.json", folder / "reader.json"
        self._audit = folder / "audit.log"
        self._accounts = signing_key(folder / "accounts.key")
        self._serving = self._authority.issue("kube-apiserver")

    def run(self) -> ControlPlane:
        server = self._api_server(self._etcd())
        self._write_kubeconfig(self._kubeconfig, server, "admin", self._token)
        self._write_kubeconfig(self._reader, server, READER, self._reader_token)
        self._write_kubeconfig(self._folder / f"{KEDA}.json", server, KEDA, self._keda_token)
        client = Client(server, self._authority.certificate, self._token, lambda: account(client, self._processes))
        # The garbage collector looks for new kinds every 30 s only: they are there before it starts.
        for definition in definitions.custom_resource_definitions():
            client.create(definition)
        self._controllers()
        webhook = self._lws()
        for configuration in definitions.lws_webhooks(webhook, self._authority.certificate):
            client.apply(configuration, manager="charts")
        return ControlPlane(
            client,
            self._processes,
            server,
            self._authority.certificate,
            self._token,
            self._reader,
            self._audit,
            self._folder,
            self._authority,
        )

    def _etcd(self) -> str:
        clients, peers = (f"http://127.0.0.1:{next(self._ports)}" for _ in range(2))
        self._start(
            "etcd",
            data_dir=self._folder / "etcd",
            listen_client_urls=clients,
            advertise_client_urls=clients,
            listen_peer_urls=peers,
            initial_advertise_peer_urls=peers,
            initial_cluster=f"default={peers}",
            unsafe_no_fsync="true",
            log_level="warn",
        )
        self._answers("etcd", f"{clients}/health")
        return clients

    def _api_server(self, etcd: str) -> str:
        port = next(self._ports)
        tokens = self._folder / "tokens.csv"
        groups = "system:serviceaccounts,system:serviceaccounts:keda,system:authenticated"
        users = (
            f'{self._token},admin,admin,"system:masters"',
            f"{self._reader_token},{READER},{READER}",
            f'{self._keda_token},system:serviceaccount:keda:{KEDA},{KEDA},"{groups}"',
        )
        tokens.write_text("\n".join(users) + "\n")
        front_proxy = self._authority.issue("front-proxy")
        policy = self._folder / "audit.json"
        rules = [{"level": "Metadata", "users": [READER]}, {"level": "None"}]
        kind = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy"}
        policy.write_text(json.dumps({**kind, "omitStages": ["RequestReceived"], "rules": rules}))
        self._start(
            "kube-apiserver",
            etcd_servers=etcd,
            secure_port=port,
            bind_address="127.0.0.1",
            advertise_address="127.0.0.1",
            endpoint_reconciler_type="none",
            cert_dir=self._folder,
            tls_cert_file=self._serving.certificate,
            tls_private_key_file=self._serving.key,
            service_account_issuer="https://loopback",
            service_account_key_file=self._accounts,
            service_account_signing_key_file=self._accounts,
            service_cluster_ip_range="10.255.0.0/16",
            token_auth_file=tokens,
            authorization_mode="RBAC",
            audit_policy_file=policy,
            audit_log_path=self._audit,
            allow_privileged="true",
            # An API that another program serves, such as KEDA's metrics, is asked in the caller's name.
            requestheader_client_ca_file=self._authority.certificate,
            requestheader_allowed_names="front-proxy",
            requestheader_username_headers="X-Remote-User",
            requestheader_group_headers="X-Remote-Group",
            requestheader_extra_headers_prefix="X-Remote-Extra-",
            proxy_client_cert_file=front_proxy.certificate,
            proxy_client_key_file=front_proxy.key,
        )
        server = f"https://127.0.0.1:{port}"
        self._answers("kube-apiserver", f"{server}/readyz")
        return server

    def _controllers(self) -> None:
        self._start(
            "kube-controller-manager",
            kubeconfig=self._kubeconfig,
            service_account_private_key_file=self._accounts,
            root_ca_file=self._authority.certificate,
            leader_elect="false",
            secure_port=0,
            allocate_node_cidrs="false",
            kube_api_qps=200,
            kube_api_burst=400,
            node_monitor_period="1s",
            node_monitor_grace_period=f"{GRACE_SECONDS}s",
            node_eviction_rate=10,
            pvclaimbinder_sync_period="1s",
            concurrent_namespace_syncs=20,
            horizontal_pod_autoscaler_sync_period="1s",
        )
        configuration = self._folder / "scheduler.json"
        configuration.write_text(
            json.dumps(
                {
                    "apiVersion": "kubescheduler.config.k8s.io/v1",
                    "kind": "KubeSchedulerConfiguration",
                    "leaderElection": {"leaderElect": False},
                    "clientConnection": {"kubeconfig": str(self._kubeconfig), "qps": 200, "burst": 400},
                    "podMaxBackoffSeconds": 2,
                }
            )
        )
        self._start("kube-scheduler", config=configuration, secure_port=0)
        stages = self._folder / "stages.yaml"
        stages.write_text(definitions.kwok_stages())
        self._start(
            "kwok",
            kubeconfig=self._kubeconfig,
            config=stages,
            manage_nodes_with_label_selector=f"{MANAGED}=fake",
            node_lease_duration_seconds=LEASE_SECONDS,
            cidr="10.128.0.0/16",
            server_address=f"127.0.0.1:{next(self._ports)}",
        )

    def _lws(self) -> str:
        webhook, health = next(self._ports), next(self._ports)
        certificates = self._folder / "lws"
        certificates.mkdir()
        self._authority.issue("lws", certificates)
        configuration = self._folder / "lws.json"
        configuration.write_text(
            json.dumps(
                {
                    "apiVersion": "config.lws.x-k8s.io/v1alpha1",
                    "kind": "Configuration",
                    "leaderElection": {"leaderElect": False},
                    "internalCertManagement": {"enable": False},
                    "webhook": {"host": "127.0.0.1", "port": webhook, "certDir": str(certificates)},
                    "health": {"healthProbeBindAddress": f"127.0.0.1:{health}"},
                    "metrics": {"bindAddress": "0"},
                }
            )
        )
        program = LATEST if scales_roles() else "lws"
        self._start(program, config=configuration, kubeconfig=self._kubeconfig, zap_devel="false")
        self._answers(program, f"https://127.0.0.1:{webhook}/")
        return f"https://127.0.0.1:{webhook}"

    def _start(self, name: str, **flags: object) -> None:
        launch(self._processes, name, flags)

    def _answers(self, name: str, url: str, seconds: float = 60) -> None:
        """Wait until `url` gives any HTTP answer below 500."""
        context = create_default_context(cafile=str(self._authority.certificate))
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self._token}"})
        deadline = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(request, timeout=5, context=context if "https" in url else None):
                    return
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    return
            except OSError:
                pass
            if name in self._processes.ended() or time.monotonic() > deadline:
                raise RuntimeError(f"{name} does not serve {url}:\n{self._processes.tail(name)}")
            time.sleep(0.1)

    def _write_kubeconfig(self, file: Path, server: str, user: str, token: str) -> None:
        file.write_text(loopback_kubeconfig(server, self._authority.certificate, token, user))


def loopback_kubeconfig(server: str, authority: Path, token: str, user: str = "admin") -> str:
    """A kubeconfig (JSON) for the holder of `token`."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "loopback", "cluster": {"server": server, "certificate-authority": str(authority)}}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "loopback", "context": {"cluster": "loopback", "user": user}}],
            "current-context": "loopback",
        }
    )
