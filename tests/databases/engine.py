"""A Docker engine of the tests' own, which touches nothing that another one uses."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DOCKERD = shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
_BRIDGE_ADD, _BRIDGE_REMOVE = 0x89A0, 0x89A1  # SIOCBRADDBR, SIOCBRDELBR
_ADDRESS, _MASK, _FLAGS = 0x8916, 0x891C, 0x8914  # SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFFLAGS
_UP = 0x1043  # up, broadcast, running, multicast


class Engine:
    """dockerd with folders and a bridge of its own; by its process id it is ended."""

    def __init__(self, folder, bridge, pid=0):
        self.folder, self.bridge, self.pid = Path(folder), bridge, pid
        self.url = f"unix://{folder}/docker.sock"
        self.environ = {"DOCKER_HOST": self.url, "HOME": str(folder)}

    @classmethod
    def new(cls):
        """One that is started now."""
        made = cls(tempfile.mkdtemp(prefix="rgd-", dir="/tmp"), f"rg{os.urandom(4).hex()}")
        _make_bridge(made.bridge)
        made.start()
        return made

    def start(self):
        """Launch it, and wait until it answers."""
        argv = [DOCKERD, "-H", self.url, "--data-root", f"{self.folder}/data",
                "--exec-root", f"{self.folder}/exec", "--pidfile", f"{self.folder}/pid",
                "--bridge", self.bridge, "--iptables=false", "--ip6tables=false",
                "--config-file", f"{self.folder}/daemon.json"]  # fmt: skip
        (self.folder / "daemon.json").write_text("{}")
        # not our child: whichever of the tests' processes is the last ends it
        script = 'log=$1; shift; setsid "$@" </dev/null >>"$log" 2>&1 & echo $!'
        command = ["sh", "-c", script, "sh", f"{self.folder}/log", *argv]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        self.pid = int(done.stdout)
        until = time.monotonic() + 30
        while not self._answers():
            said = (self.folder / "log").read_text()[-2000:]
            assert self.alive(), said
            assert time.monotonic() < until, said
            time.sleep(0.05)

    def alive(self):
        """Whether its process is there."""
        try:
            return ") Z " not in Path(f"/proc/{self.pid}/stat").read_text()
        except OSError:
            return False

    def kill(self):
        """As the kernel would, for want of memory."""
        self._end(signal.SIGKILL)
        (self.folder / "pid").unlink(missing_ok=True)
        containerd = self.folder / "exec" / "containerd" / "containerd.pid"
        with contextlib.suppress(OSError, ValueError):  # a part of it, as it is started here
            os.kill(int(containerd.read_text()), signal.SIGKILL)
        containerd.unlink(missing_ok=True)

    def close(self):
        """End it and leave nothing."""
        self._end(signal.SIGTERM)
        self._end_shims()
        _remove_bridge(self.bridge)
        until = time.monotonic() + 10
        while self.folder.exists() and time.monotonic() < until:
            _unmount(self.folder)
            shutil.rmtree(self.folder, ignore_errors=True)
            time.sleep(0.05)

    def _end(self, number):
        if self.alive():
            os.kill(self.pid, number)
        until = time.monotonic() + 30
        while self.alive() and time.monotonic() < until:
            time.sleep(0.02)

    def _end_shims(self):
        """Those of containers that an engine which was killed left behind."""
        for pid in self.shims():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def shims(self):
        """The processes that hold its containers, one each."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = entry.read_bytes()
                if b"containerd-shim" in words and f"{self.folder}/".encode() in words:
                    found.append(int(entry.parent.name))
        return found

    def client(self):
        """The SDK's client, to be closed."""
        from docker import APIClient

        return APIClient(base_url=self.url, version="1.41", timeout=60)

    def containers(self, project=None):
        """Every container, running or not, of all projects or one: the names."""
        wanted = {"label": f"dev.revguard.project={project}"} if project else None
        with contextlib.closing(self.client()) as client:
            found = client.containers(all=True, filters=wanted)
            return sorted(_name(one) for one in found if _is_there(client, one))

    def remove(self, name):
        """Remove a container."""
        with contextlib.closing(self.client()) as client:
            client.remove_container(name, force=True)

    def runs(self, name, words):
        """Whether a command in a container ends well."""
        client = self.client()
        try:
            asked = client.exec_create(name, ["sh", "-c", words])["Id"]
            client.exec_start(asked, detach=True)
            while client.exec_inspect(asked)["Running"]:
                time.sleep(0.02)
            return client.exec_inspect(asked)["ExitCode"] == 0
        except Exception:  # noqa: BLE001 - it does not run yet, or any more
            return False
        finally:
            client.close()

    def _answers(self):
        with socket.socket(socket.AF_UNIX) as line:  # the SDK leaves its own open where none is
            if line.connect_ex(self.url.removeprefix("unix://")):
                return False
        client = self.client()
        try:
            return client.ping()
        except Exception:  # noqa: BLE001 - whatever the SDK makes of it
            return False
        finally:
            client.close()


def _name(listed):
    return listed["Names"][0][1:] if listed["Names"] else f"{listed['Id']} ({listed['Status']})"


def _is_there(client, listed):
    """Whether a container is; one that exits while it is removed stays in the list, nameless."""
    from docker.errors import NotFound

    if listed["Names"]:
        return True
    try:
        client.inspect_container(listed["Id"])
    except NotFound:
        return False
    return True


@contextlib.contextmanager
def shared(folder, prepare):
    """One engine for all processes of a test session; it ends with the last, even a killed one."""
    with open(folder / "engine.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        joined = _join(folder)
        if joined is None:
            joined = _begin(folder, prepare)
    engine, held = joined
    try:
        yield engine
    finally:
        held.close()


def _join(folder):
    """The engine that another process started, and the lock that keeps it; None if it is over."""
    try:
        told = json.loads((folder / "engine.json").read_text())
        held = open(told["held"])  # noqa: SIM115 - for as long as the engine is used
    except OSError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:  # its guardian is ending it
        held.close()
        return None
    return Engine(told["folder"], told["bridge"], told["pid"]), held


def _begin(folder, prepare):
    """A new engine with a guardian, who waits until nobody holds the lock any more."""
    engine = Engine.new()
    held = open(folder / f"{engine.bridge}.held", "w")  # noqa: SIM115
    fcntl.flock(held, fcntl.LOCK_SH)
    guardian = [sys.executable, __file__, held.name, str(engine.folder), engine.bridge]
    script = 'setsid "$@" </dev/null >/dev/null 2>&1 &'
    subprocess.run(["sh", "-c", script, "sh", *guardian, str(engine.pid)], check=True)
    try:
        prepare(engine)
    except BaseException:
        held.close()
        raise
    told = {"folder": str(engine.folder), "bridge": engine.bridge, "pid": engine.pid}
    (folder / "engine.json").write_text(json.dumps({**told, "held": held.name}))
    return engine, held


def _control(request, argument):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as line:
        fcntl.ioctl(line, request, argument)


def _make_bridge(name):
    """A network that no other engine has, with the first subnet that nobody uses."""
    _control(_BRIDGE_ADD, name.encode() + b"\0")
    used = Path("/proc/net/route").read_text()
    for third in range(200, 256):
        if f"\t00{third:02X}1FAC\t" not in used:
            break
    for request, address in ((_ADDRESS, f"172.31.{third}.1"), (_MASK, "255.255.255.0")):
        packed = struct.pack("16sH2x4s8x", name.encode(), socket.AF_INET, socket.inet_aton(address))
        _control(request, packed)
    _control(_FLAGS, struct.pack("16sH14x", name.encode(), _UP))


def _remove_bridge(name):
    _control(_FLAGS, struct.pack("16sH14x", name.encode(), 0))
    _control(_BRIDGE_REMOVE, name.encode() + b"\0")


def _unmount(folder):
    for line in Path("/proc/mounts").read_text().splitlines()[::-1]:
        path = line.split(" ")[1]
        if path.startswith(f"{folder}/"):
            subprocess.run(["umount", "-l", path], check=False, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    with open(sys.argv[1]) as awaited:
        fcntl.flock(awaited, fcntl.LOCK_EX)
        Engine(sys.argv[2], sys.argv[3], int(sys.argv[4])).close()
