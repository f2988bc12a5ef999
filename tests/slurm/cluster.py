"""A real Slurm of one node with a made-up GPU, all of its state in one folder; as root, without
systemd or cgroups.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

PROGRAMS = "munged", "slurmctld", "slurmd", "sbatch", "squeue", "srun", "scancel"
PACKAGES = "munge", "slurm-wlm"  # Debian's and Ubuntu's names
PATIENCE = 120  # seconds until a daemon must answer; a busy machine needs most of a minute
# No cgroups, no accounting database; a finished job stays in squeue for an hour, longer than any
# test; what ran is written down by Slurm itself (jobcomp/filetxt), so that tests need not believe
# Snakemake.
CONF = r"""
ClusterName=tangent
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/completed.txt
MinJobAge=3600
MailProg=/bin/true
KillWait=5
ReturnToService=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 Port={node_port} CPUs={cpus} \
  SocketsPerBoard=1 CoresPerSocket={cpus} RealMemory={memory_mb} Gres=gpu:1
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
# AutoDetect would look for NVIDIA's library; any device file will do where nothing confines jobs to
# it.
GRES = "AutoDetect=off\nName=gpu File=/dev/zero\n"
# The executor's job steps drop SLURM_CONF from their environment, and then look for
# /etc/slurm/slurm.conf.
SRUN = '#!/bin/sh\nSLURM_CONF="{folder}/slurm.conf" exec {srun} "$@"\n'


@dataclass(frozen=True)
class Cluster:
    """A running Slurm; `environment` is what its commands and Snakemake need."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SLURM_CONF": f"{self.folder}/slurm.conf",
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
        }

    def run(self, *command: str) -> str:
        """stdout of a command of Slurm's."""
        done = subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def jobs(self) -> dict[str, tuple[str, str]]:
        """Job id → (state, comment) of all that were submitted; the comment is the rule and its
        wildcards.
        """
        lines = self.run("squeue", "--states=all", "--noheader", "--format=%i|%T|%k").splitlines()
        return {
            number: (state, comment)
            for number, state, comment in (line.split("|") for line in lines)
        }

    def completed(self) -> dict[str, dict[str, str]]:
        """Job id → what Slurm wrote down when the job had ended: JobState, TimeLimit, Tres,
        StartTime, ...
        """
        lines = (self.folder / "completed.txt").read_text(encoding="utf-8").splitlines()
        records = [
            dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines
        ]
        return {record["JobId"]: record for record in records}


def install() -> None:
    """Take Slurm from the distribution if it is not there.

    Raises:
        RuntimeError: not root, no apt-get, or the install failed: why, for a person.
    """
    if os.name != "posix" or os.geteuid() != 0:
        raise RuntimeError("only root can start Slurm's daemons")
    if all(map(shutil.which, PROGRAMS)):
        return
    if not shutil.which("apt-get"):
        raise RuntimeError("Slurm is not installed, and there is no apt-get to install it with")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["update", "-qq"],
        ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES],
    ):
        done = subprocess.run(["apt-get", *command], env=quiet, capture_output=True, text=True)
    if done.returncode != 0 or not all(map(shutil.which, PROGRAMS)):
        raise RuntimeError(
            f"apt-get could not install {' and '.join(PACKAGES)}: {done.stderr.strip()[-300:]}"
        )


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """Slurm, until the block is left; then none of its processes remains, whatever happened."""
    _configure(folder)
    cluster, daemons = Cluster(folder), []
    try:
        for daemon in _started(cluster):
            daemons.append(daemon)
        yield cluster
    finally:
        _stop(cluster)
        for daemon in daemons:
            daemon.wait(timeout=30)


def _configure(folder: Path) -> None:
    for name in ("state", "spool", "bin"):
        (folder / name).mkdir(parents=True)
    about = {
        "host": socket.gethostname().partition(".")[0],
        "folder": folder,
        "cpus": min(2, os.cpu_count() or 1),
    }
    memory_mb = psutil.virtual_memory().total // 2**20
    ports = dict(zip(("controller_port", "node_port"), _free_ports(2)))
    (folder / "slurm.conf").write_text(
        CONF.format(memory_mb=memory_mb, **about, **ports), encoding="utf-8"
    )
    (folder / "gres.conf").write_text(GRES, encoding="utf-8")
    (folder / "bin/srun").write_text(
        SRUN.format(folder=folder, srun=shutil.which("srun")), encoding="utf-8"
    )
    (folder / "bin/srun").chmod(0o755)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)


def _free_ports(count: int) -> list[int]:
    """Numbers that were free a moment ago; all are held until the last is known, so that they
    differ.
    """
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    numbers = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return numbers


def _started(cluster: Cluster) -> Iterator[subprocess.Popen]:
    """munge first, by which the others authenticate; each in the foreground, so that it is a child
    of this process.
    """
    folder = cluster.folder
    munge = {
        "key-file": "munge.key",
        "socket": "munge.socket",
        "pid-file": "munged.pid",
        "log-file": "munged.log",
    }
    files = [
        f"--{option}={folder / name}"
        for option, name in (munge | {"seed-file": "munged.seed"}).items()
    ]
    yield (
        munged := _daemon(cluster, "munged", "--foreground", "--force", "--num-threads=1", *files)
    )
    _wait(cluster, munged, lambda: (folder / "munge.socket").exists())
    yield (controller := _daemon(cluster, "slurmctld", "-D"))
    _wait(cluster, controller, lambda: cluster.run("scontrol", "ping"))
    yield (node := _daemon(cluster, "slurmd", "-D"))
    _wait(
        cluster, node, lambda: cluster.run("sinfo", "--noheader", "--format=%T").split() == ["idle"]
    )


def _daemon(cluster: Cluster, *command: str) -> subprocess.Popen:
    """Start it as politely as its jobs, which inherit this, are to run."""
    with open(cluster.folder / f"{command[0]}.out", "wb") as output:
        return subprocess.Popen(
            ["nice", "-n", "10", *command],
            env=os.environ | cluster.environment,
            cwd=cluster.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait(cluster: Cluster, daemon: subprocess.Popen, ready: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and daemon.poll() is None:
        with suppress(AssertionError, subprocess.TimeoutExpired):
            if ready():
                return
        time.sleep(0.5)
    logs = "\n".join(
        f"{file.name}:\n{file.read_text()[-1500:]}" for file in sorted(cluster.folder.glob("*.out"))
    )
    raise RuntimeError(f"{daemon.args[3]} ended, or was not ready within {PATIENCE} s.\n{logs}")


def _stop(cluster: Cluster) -> None:
    """End daemons, steps and jobs: all that has this cluster's configuration in its environment,
    and nothing else.
    """
    with suppress(AssertionError, subprocess.TimeoutExpired):
        cluster.run("scancel", "--signal=KILL", "--full", "--user=root")
    for end in (psutil.Process.terminate, psutil.Process.kill):
        ours = processes(cluster)
        for process in ours:
            with suppress(psutil.NoSuchProcess):
                end(process)
        psutil.wait_procs(ours, timeout=15)


def processes(cluster: Cluster) -> list[psutil.Process]:
    """What runs with this cluster's configuration in its environment, this process apart."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            ours = process.environ().get("SLURM_CONF") == cluster.environment["SLURM_CONF"]
            found += [process] if ours and process.pid != os.getpid() else []
    return found
