"""The lifecycle script, run as a node would run it, in a folder of its own and with the system's commands replaced."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from components.aws.hyperpod.scripts import CONFIGURATION, FOLDER, SCRIPT

BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")

FAKES = ("mountpoint", "mount", "systemctl", "modprobe", "lctl", "sleep", "sync", "curl", "unzip")


@dataclass
class Node:
    """A pretended node: its root folder, and commands that note how they were called."""

    root: Path
    bodies: dict[str, str] = field(default_factory=dict)

    def run(self, configuration: str | None = "EFA_LUSTRE_CLIENT=false\n") -> subprocess.CompletedProcess[str]:
        """Run the script; `configuration` is what lies beside it."""
        for folder in ("bin", "scripts", "etc", "opt/sagemaker", "var/lib/containerd", "var/lib/kubelet"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for name in FAKES:
            body = self.bodies.get(name, "exit 0")
            fake = self.root / "bin" / name
            fake.write_text(f'#!/bin/bash\necho "{name} $*" >>"{self.root}/calls"\n{body}\n')
            fake.chmod(0o755)
        shutil.copy(FOLDER / SCRIPT, self.root / "scripts" / SCRIPT)
        if configuration is not None:
            (self.root / "scripts" / CONFIGURATION).write_text(configuration)
        environment = {**os.environ, "PATH": f"{self.root}/bin:{os.environ['PATH']}", "LIFECYCLE_ROOT": str(self.root)}
        command = [str(BASH), str(self.root / "scripts" / SCRIPT)]
        return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=60)

    @property
    def calls(self) -> list[str]:
        """The commands that the script ran, without the root folder in their arguments."""
        return (self.root / "calls").read_text().replace(str(self.root), "").splitlines()

    @property
    def log(self) -> str:
        """The log that CloudWatch gets."""
        return (self.root / "var/log/provision/provisioning.log").read_text()


DISK_IS_THERE = '[[ "$2" == */opt/sagemaker ]]'


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path, {"mountpoint": DISK_IS_THERE})


def test_bash_can_read_the_script() -> None:
    read = subprocess.run([str(BASH), "-n", str(FOLDER / SCRIPT)], capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


def test_the_script_has_unix_lines_and_an_interpreter() -> None:
    content = (FOLDER / SCRIPT).read_bytes()
    assert content.startswith(b"#!/bin/bash\n")
    assert b"\r" not in content


def test_images_and_pods_move_to_the_disk_with_what_they_have_and_stay_there_after_a_reboot(node: Node) -> None:
    images = node.root / "var/lib/containerd"
    images.mkdir(parents=True)
    (images / "image").write_text("layers")
    assert node.run().returncode == 0
    assert (node.root / "opt/sagemaker/containerd/image").read_text() == "layers"
    assert "mount --bind /opt/sagemaker/containerd /var/lib/containerd" in node.calls
    assert "mount --bind /opt/sagemaker/kubelet /var/lib/kubelet" in node.calls
    fstab = (node.root / "etc/fstab").read_text().replace(str(node.root), "")
    assert fstab.count("\n") == 2
    assert "/opt/sagemaker/kubelet /var/lib/kubelet none bind,nofail," in fstab


def test_running_services_are_stopped_first_and_started_in_reverse(node: Node) -> None:
    assert node.run().returncode == 0
    steps = [call for call in node.calls if call.startswith(("systemctl st", "mount "))]
    assert steps == [
        "systemctl stop kubelet",
        "systemctl stop containerd",
        "mount --bind /opt/sagemaker/containerd /var/lib/containerd",
        "mount --bind /opt/sagemaker/kubelet /var/lib/kubelet",
        "systemctl start containerd",
        "systemctl start kubelet",
    ]


def test_services_that_do_not_run_yet_are_left_to_their_own_start(node: Node) -> None:
    node.bodies["systemctl"] = '[[ "$1" != is-active ]]'
    assert node.run().returncode == 0
    assert not [call for call in node.calls if call.startswith(("systemctl stop", "systemctl start"))]


def test_a_second_run_after_a_patch_drops_the_old_data_and_adds_no_second_mount(node: Node) -> None:
    node.run()
    (node.root / "opt/sagemaker/containerd/stale").write_text("of the old system")
    assert node.run().returncode == 0
    assert not (node.root / "opt/sagemaker/containerd/stale").exists()
    assert (node.root / "etc/fstab").read_text().count("\n") == 2


def test_a_node_whose_disk_never_comes_goes_on_with_the_root_disk(node: Node) -> None:
    node.bodies["mountpoint"] = "exit 1"
    finished = node.run()
    assert finished.returncode == 0
    assert "stay on the root disk" in node.log
    assert not [call for call in node.calls if call.startswith("mount ")]


def test_lustre_is_loaded_and_its_failure_does_not_fail_the_node(node: Node) -> None:
    node.bodies["modprobe"] = "exit 1"
    assert node.run().returncode == 0
    assert "load_lustre: failed; going on without it" in node.log
    assert "lctl network up" not in node.calls


def test_the_efa_client_is_fetched_only_where_it_is_asked_for_and_the_node_has_efa(node: Node) -> None:
    assert node.run("EFA_LUSTRE_CLIENT=false\n").returncode == 0
    assert node.run("EFA_LUSTRE_CLIENT=true\n").returncode == 0
    assert not [call for call in node.calls if call.startswith("curl")]
    assert "no EFA on this node" in node.log


def test_an_unreachable_efa_client_leaves_lustre_on_tcp(node: Node) -> None:
    tool = node.root / "opt/amazon/efa/bin/fi_info"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/bash\nexit 0\n")
    tool.chmod(0o755)
    node.bodies["curl"] = "exit 22"
    assert node.run("EFA_LUSTRE_CLIENT=true\n").returncode == 0
    assert "configure_efa_lustre: failed; going on without it" in node.log
    assert "lctl network up" in node.calls


def test_the_efa_client_is_set_up_from_its_own_folder(node: Node) -> None:
    tool = node.root / "opt/amazon/efa/bin/fi_info"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/bash\nexit 0\n")
    tool.chmod(0o755)
    node.bodies["unzip"] = (
        'folder="$4/configure-efa-fsx-lustre-client"; mkdir -p "$folder"; echo "echo set up" >"$folder/setup.sh"'
    )
    assert node.run("EFA_LUSTRE_CLIENT=true\n").returncode == 0
    assert "set up\n" in node.log
    assert "Lustre client configured for EFA" in node.log


def test_a_failed_node_says_so_and_lives_long_enough_to_send_its_log(node: Node) -> None:
    node.bodies["mount"] = "exit 32"
    finished = node.run()
    assert finished.returncode == 32
    assert "failed with status 32" in node.log
    assert "sleep 60" in node.calls


def test_a_node_without_configuration_still_gets_its_disk(node: Node) -> None:
    assert node.run(configuration=None).returncode == 0
    assert "mount --bind /opt/sagemaker/kubelet /var/lib/kubelet" in node.calls
