"""A day of the workload's logs as a node has it, and Fluent Bit run over it.

`python -m tests.contract.fluent_bit PROGRAM` records what that Fluent Bit makes of the day in
`data/fluent-bit.json`. No registry serves Fluent Bit: it was built from its source at the version that the chart
brings.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from components.monitoring.logs import fluent_bit
from components.monitoring.logs.fluent_bit import LOG_FILES, SCRIPT, STATE
from components.monitoring.logs.plan import LogPlan, Writer, plan_logs
from components.monitoring.logs.settings import LogSettings

RECORDED = Path(__file__).parent / "data" / "fluent-bit.json"
CHART_FOLDER = "/fluent-bit/etc/conf"
TRACEBACK = """[2026-08-20 10:00:05 TP3] Scheduler hit an exception: Traceback (most recent call last):
  File "/sgl/scheduler.py", line 2400, in run_scheduler_process
    scheduler.event_loop_overlap()
    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
torch.AcceleratorError: CUDA error: an illegal memory access was encountered
CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.
For debugging consider passing CUDA_LAUNCH_BLOCKING=1
Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/sgl/tp_worker.py", line 12, in forward
    raise RuntimeError("lost")
RuntimeError: lost"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
RECEIVED = json.dumps(
    {
        "timestamp": "2026-08-20T10:00:03.120000",
        "event": "request.received",
        "rid": "5d1e",
        "obj": {"rid": "5d1e", "stream": True},
        "headers": {"x-request-id": "req-14", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
    }
)
"""What `--log-requests-format json` writes after the time (sglang 0.5.17 srt/utils/request_logger.py)."""
ENGINE = f"""[2026-08-20 10:00:00] server_args=ServerArgs(model_path='/models/r1', api_key='swordfish-1', tp_size=16)
[2026-08-20 10:00:01 TP0] Decode batch. #running-req: 3, #token: 912, token usage: 0.01, gen throughput: 88.1
[2026-08-20 10:00:02] Receive: obj=GenerateReqInput(rid='9f0c-7', text='say hf_abcdefghijklmnopqrstuvwxyz')
[2026-08-20 10:00:03] {RECEIVED}
INFO:     10.0.0.9:41 - "POST /v1/chat/completions HTTP/1.1" 200 OK
{TRACEBACK}
INFO:     10.0.0.9:42 - "GET /health HTTP/1.1" 503 Service Unavailable
host-1:33:90 [0] NCCL INFO NET/OFI Selected provider is efa"""
WORKER = """[2026-08-20 10:00:00 TP8] Init torch distributed begin.
Authorization: Bearer abc.def-ghi"""
ROUTER = """{"level":"INFO","message":"request","request_id":"req-12","headers":{"authorization":"Bearer swordfish-2"}}
"""
ROUTER += (
    "\x1b[2m2026-08-20 10:00:03\x1b[0m \x1b[32m INFO\x1b[0m \x1b[1mhttp_request\x1b[0m\x1b[1m{\x1b[0m"
    "\x1b[3muri\x1b[0m\x1b[2m=\x1b[0m/v1/models \x1b[3mrequest_id\x1b[0m\x1b[2m=\x1b[0m"
    '"req-13"\x1b[1m}\x1b[0m: finished'
)
OTHER = "what runs beside the workload"
FILES = {
    "deepseek-r1-0_inference_sglang": ENGINE,
    "deepseek-r1-0-1_inference_sglang": WORKER,
    "deepseek-r1-router-6d9c7f5d9b-x2x4z_routers_router": ROUTER,
    "kube-proxy-abcde_kube-system_kube-proxy": OTHER,
}
"""Lines by pod, namespace and container."""
BEFORE = 1
"""Lines of each file that are there when Fluent Bit is killed."""


def plan() -> LogPlan:
    """A plan with a group over two nodes and its routers."""
    engine = {"model": "deepseek-r1", "role": "serve", "engine_version": "0.5.17"}
    writers = [
        Writer("deepseek-r1", engine, ranked=True),
        Writer("deepseek-r1-router", {"model": "deepseek-r1", "role": "router"}),
    ]
    return plan_logs(
        LogSettings(), "cloudwatch", cluster_name="c", namespaces=("inference", "routers"), writers=writers
    )


def configuration() -> dict[str, str]:
    """The files that the chart mounts, by name, but for the output."""
    chart = fluent_bit.values(plan(), region="us-east-1", tolerations=[], metrics=True)
    config = chart["config"]
    return {
        "fluent-bit.conf": "\n".join([config["service"], config["inputs"], config["filters"]]),
        "custom_parsers.conf": config["customParsers"],
        SCRIPT: chart["luaScripts"][SCRIPT],
    }


def digest() -> str:
    """What the recorded run was made with: configuration and lines."""
    return hashlib.sha256(json.dumps([configuration(), FILES], sort_keys=True).encode()).hexdigest()


def run(program: str) -> list[dict[str, Any]]:
    """Records that Fluent Bit makes of `FILES`, sorted, without their time.

    It is killed once, when it has read some lines and its destination has taken none of them, and then goes on.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part, destination in ((0, "Name http\n    Host 127.0.0.1\n    Port 9"), (1, "Name file\n    File records")):
            _write(folder, f"[OUTPUT]\n    {destination}\n    Match *\n    Alias kept\n", part)
            _run_once(program, folder, kill=part == 0)
        lines = (folder / "records").read_text().splitlines()
        # <tag>: [<seconds>, {...}]
        records = [json.loads(line[line.index("{") : -1]) for line in lines]
    return sorted(records, key=lambda record: json.dumps(record, sort_keys=True))


def _write(folder: Path, output: str, part: int) -> None:
    logs, state = folder / "logs", folder / "state"
    logs.mkdir(exist_ok=True)
    state.mkdir(exist_ok=True)
    for file, content in configuration().items():
        written = content.replace(LOG_FILES, str(logs)).replace(STATE, str(state))
        written = written.replace(CHART_FOLDER, str(folder)).replace("/fluent-bit/scripts", str(folder))
        (folder / file).write_text(written + (output if file.endswith(".conf") and "fluent" in file else ""))
    for file, text in FILES.items():
        lines = text.splitlines()[:BEFORE] if part == 0 else text.splitlines()[BEFORE:]
        with (logs / f"{file}-{'0' * 64}.log").open("a") as log:
            log.writelines(f"2026-08-20T10:00:00.{part}Z stderr F {line}\n" for line in lines)


def _run_once(program: str, folder: Path, *, kill: bool) -> None:
    process = subprocess.Popen(
        [program, "--config", str(folder / "fluent-bit.conf")],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    time.sleep(7)
    if kill:
        process.kill()
        process.communicate(timeout=60)
        return
    process.terminate()
    _, errors = process.communicate(timeout=60)
    told = errors.decode().splitlines()
    faults = [line for line in told if "[error]" in line or ("[ warn]" in line and "will shutdown" not in line)]
    if process.returncode or faults:
        raise RuntimeError("\n".join([f"Fluent Bit ended with {process.returncode}", *faults]))


def main() -> None:
    """Record a run of the program that is named."""
    version = subprocess.run([sys.argv[1], "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    found = {"version": version.removeprefix("v"), "digest": digest(), "records": run(sys.argv[1])}
    RECORDED.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
