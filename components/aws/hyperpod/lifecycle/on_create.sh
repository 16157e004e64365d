#!/bin/bash
# Runs as root on every HyperPod node when it is made, replaced or patched, before the node joins the cluster.
# Moves images and pods from the 100 GB root disk to the volume at /opt/sagemaker, and prepares the Lustre client.
set -euo pipefail

# Empty on a node; tests put a folder before every path.
readonly ROOT=${LIFECYCLE_ROOT:-}
readonly LOG=$ROOT/var/log/provision/provisioning.log
readonly DISK=$ROOT/opt/sagemaker
readonly DISK_WAIT_SECONDS=120
readonly EFA_CLIENT_URL=https://docs.aws.amazon.com/fsx/latest/LustreGuide/samples/configure-efa-fsx-lustre-client.zip

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly HERE

say() {
    echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) on_create: $*"
}

# CloudWatch gets the log with a delay: a node that failed must live long enough to send its last lines.
on_exit() {
    local code=$?
    if [[ $code -eq 0 ]]; then
        say "finished"
    else
        say "failed with status $code"
        sync
        sleep 60
    fi
}

wait_for_disk() {
    local waited
    for ((waited = 0; waited < DISK_WAIT_SECONDS; waited += 5)); do
        if mountpoint --quiet "$DISK"; then
            say "$DISK is mounted after $waited s"
            return 0
        fi
        sleep 5
    done
    return 1
}

# The data of a service lives on the volume and is mounted where the service expects it, so that no configuration of
# HyperPod's own has to be known or rewritten. The entry in fstab brings the mount back after a reboot, at which this
# script does not run.
move_to_disk() {
    local name=$1 path=$2
    local home="$DISK/$name" options
    if mountpoint --quiet "$path"; then
        say "$path is a mount already"
        return 0
    fi
    # After UpdateClusterSoftware the volume holds the data of the old operating system, which the new one may not read.
    rm -rf "$home"
    mkdir -p "$home" "$path"
    cp -a "$path/." "$home/"
    mount --bind "$home" "$path"
    if ! grep -qs " $path none " "$ROOT/etc/fstab"; then
        options="bind,nofail,x-systemd.requires-mounts-for=$DISK"
        options+=",x-systemd.before=containerd.service,x-systemd.before=kubelet.service"
        echo "$home $path none $options 0 0" >>"$ROOT/etc/fstab"
    fi
    say "$path is on $home"
}

move_services() {
    local service was_active=()
    for service in kubelet containerd; do
        if systemctl is-active --quiet "$service"; then
            was_active=("$service" "${was_active[@]}")
            systemctl stop "$service"
        fi
    done
    move_to_disk containerd "$ROOT/var/lib/containerd"
    move_to_disk kubelet "$ROOT/var/lib/kubelet"
    systemctl daemon-reload
    for service in "${was_active[@]}"; do
        systemctl start "$service"
    done
}

load_lustre() {
    modprobe lnet
    modprobe lustre
    lctl network up
}

configure_efa_lustre() {
    local folder
    if ! "$ROOT/opt/amazon/efa/bin/fi_info" -p efa >/dev/null 2>&1; then
        say "no EFA on this node: Lustre over TCP"
        return 0
    fi
    folder=$(mktemp -d)
    curl --fail --silent --show-error --location --retry 3 --max-time 60 --output "$folder/client.zip" "$EFA_CLIENT_URL"
    unzip -q "$folder/client.zip" -d "$folder"
    (cd "$folder/configure-efa-fsx-lustre-client" && bash ./setup.sh)
    rm -rf "$folder"
    say "Lustre client configured for EFA"
}

# In a process of its own with its own -e, which a function called in a condition would not have.
try() {
    local what=$1
    if bash -c "set -euo pipefail; $(declare -f say "$what"); $(declare -p ROOT EFA_CLIENT_URL); $what"; then
        say "$what: done"
    else
        say "$what: failed; going on without it"
    fi
}

main() {
    say "started on kernel $(uname -r)"
    if wait_for_disk; then
        move_services
    else
        say "$DISK did not appear within $DISK_WAIT_SECONDS s: images stay on the root disk"
    fi
    EFA_LUSTRE_CLIENT=false
    if [[ -r $HERE/lifecycle.conf ]]; then
        # shellcheck source=/dev/null
        . "$HERE/lifecycle.conf"
    fi
    if [[ $EFA_LUSTRE_CLIENT == true ]]; then
        try configure_efa_lustre
    fi
    try load_lustre
}

mkdir -p "$(dirname "$LOG")"
exec > >(tee -a "$LOG") 2>&1
trap on_exit EXIT
main "$@"
