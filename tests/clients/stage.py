"""A Sealgate to try clients on, and the counting of what was tried.

Standard library only. Starts the given binary with a configuration of its own in a temporary folder, on free ports, http and https,
and ends it again. Knows nothing of any client.
"""
import base64
import contextlib
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import traceback
import urllib.request

ACCESS, SECRET, REGION = "clients-test", "a/secret+that=only tests know", "us-east-1"
KEY = bytes(range(1, 33))


class Tally:
    """Runs checks and counts them; a check that fails says why and the next one runs. Several threads may use one."""

    def __init__(self):
        self.passed, self.failed, self.skipped, self.lock = 0, [], [], threading.Lock()
        self.started = time.monotonic()

    def run(self, name, function, *arguments):
        start = time.monotonic()
        try:
            function(*arguments)
        except Exception as problem:  # every kind of failure is a failed check
            said = traceback.format_exc(limit=-4)
            for stream in ("stdout", "stderr"):
                said += str(getattr(problem, stream, None) or "")[-2000:]
            self.record(name, start, f"{problem}\n{said}")
        else:
            self.record(name, start)

    def record(self, name, start, problem=None):
        """Counts one check that ran elsewhere, which began at `start` by the monotonic clock; no problem is a pass."""
        with self.lock:
            if problem is None:
                self.passed += 1
                print(f"ok {name} ({time.monotonic() - start:.1f} s)", flush=True)
            else:
                self.failed.append(name)
                print(f"FAILED {name}: {problem}", flush=True)

    def skip(self, name, reason):
        """Counts what could not be tried here; it is named again at the end."""
        with self.lock:
            self.skipped.append(f"{name}: {reason}")
            print(f"NOT RUN {name}: {reason}", flush=True)

    def close(self):
        """Prints what failed or was not run and the last line, and returns the exit status."""
        print(f"after {time.monotonic() - self.started:.0f} s:")
        for name in self.failed:
            print(f"FAILED {name}")
        for name in self.skipped:
            print(f"NOT RUN {name}")
        print(f"{self.passed} passed, {len(self.failed)} failed" + (f", {len(self.skipped)} skipped" if self.skipped else ""))
        return 1 if self.failed or not self.passed else 0


class Place:
    """Where a client is sent: the endpoint, the authority to trust, a folder to work in, and how to read the store behind it all."""

    def __init__(self, daemon, https, name, read):
        self.endpoint, self.ca, self.https, self.read = daemon.endpoint(https), daemon.ca, https, read
        self.on_server = daemon.store is not None
        self.folder = daemon.folder / f"{name.replace(' ', '-')}-{'https' if https else 'http'}"
        self.folder.mkdir()

    @property
    def host(self):
        return self.endpoint.split("://")[1]

    def bucket(self, name):
        """A name that no other place and no other run has."""
        return f"{name}-{'https' if self.https else 'http'}-{os.urandom(4).hex()}"

    def environment(self, **more):
        """Nothing of the caller's but the path: no credentials, no authorities, no proxies."""
        home = pathlib.Path(self.folder, "home")
        home.mkdir(exist_ok=True)
        return {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", **more}

    def call(self, *command, env=None, stdin=None, check=True):
        """Runs a program and returns what it printed, both streams, as bytes."""
        command = [str(part) for part in command]
        done = subprocess.run(command, env=env or self.environment(), input=stdin, capture_output=True, timeout=300)
        if check and done.returncode:
            said = (done.stdout + done.stderr).decode(errors="replace")[-2000:]
            raise AssertionError(f"{command} ended with {done.returncode}: {said}")
        return done


def certificates(folder):
    """An authority and a certificate for loopback, by openssl; returns their paths."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder, timeout=60)
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *new, "-days", "2", "-subj", "/CN=clients-authority", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *new, "-subj", "/CN=localhost", "-keyout", "tls.key", "-out", "tls.csr")
    pathlib.Path(folder, "tls.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "tls.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "tls.ext", "-out", "tls.pem")
    return [str(pathlib.Path(folder, name)) for name in ("ca.pem", "tls.pem", "tls.key")]


def secret_file(path, text):
    with open(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
    return f"file:{path}"


def server_store():
    """The real S3 server that the environment names, or None."""
    names = ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY")
    values = [os.environ.get("SEALGATE_TEST_S3_" + name) for name in names]
    return dict(zip(("endpoint", "access_key", "secret"), values)) if all(values) else None


class Sealgate:
    """One running daemon.

    `store` is None for the embedded store, or what server_store() says; there unfinished uploads live in the bucket unless `uploads` says
    otherwise. `settings` are lines of keys and rules in place of those that the clients' suite has.
    """

    def __init__(self, binary, folder, store=None, settings=None, uploads="bucket"):
        self.folder, self.store = pathlib.Path(folder), store
        self.ca, cert, key = certificates(folder)
        self.key_file = self.folder / "wrapping.key"
        config = [
            'listen = "127.0.0.1:0"', 'admin = "127.0.0.1:0"', f'data = "{self.folder}/data"',
            "[tls]", 'listen = "127.0.0.1:0"', f'cert = "{cert}"', f'key = "{key}"',
            "[log]", 'format = "json"',
            "[[clients]]", f'access_key = "{ACCESS}"', f'secret = "{secret_file(self.folder / "client.secret", SECRET)}"',
            *(self._usual() if settings is None else settings),
            "[store]",
        ]
        if store:
            secret = secret_file(self.folder / "store.secret", store["secret"])
            config += ['kind = "s3"', f'endpoint = "{store["endpoint"]}"', f'region = "{REGION}"',
                       f'access_key = "{store["access_key"]}"', f'secret = "{secret}"', f'uploads = "{uploads}"']
        else:
            config += ['kind = "directory"', f'path = "{self.folder}/store"']
        (self.folder / "sealgate.toml").write_text("\n".join(config) + "\n")
        self.process = subprocess.Popen(
            [binary, "serve", "--config", self.folder / "sealgate.toml"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"], "HOME": str(folder)})
        self.log, self.addresses, self.heard = [], {}, threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()
        self._await_ready()

    def _usual(self):
        return [
            "[[keys]]", 'id = "clients-1"', 'kind = "aes"',
            f'secret = "{secret_file(self.key_file, f"sealgate-key-1 {base64.b64encode(KEY).decode()}")}"',
            "[[rules]]", 'bucket = "*"', "[[rules]]", 'bucket = "md5-*"', 'etag = "md5"',
        ]

    def _listen(self):
        for line in self.process.stderr:
            with self.heard:
                self.log.append(line.decode(errors="replace"))
                with contextlib.suppress(ValueError):
                    said = json.loads(line)
                    if "address" in said:
                        self.addresses[said["message"]] = said["address"]
                self.heard.notify_all()
        with self.heard:
            self.log.append("(ended)")
            self.heard.notify_all()

    def _await_ready(self):
        with self.heard:
            found = self.heard.wait_for(lambda: len(self.addresses) == 3 or self.log[-1:] == ["(ended)"], timeout=60)
        if not found or self.log[-1:] == ["(ended)"]:
            raise RuntimeError("sealgate did not start: " + "".join(self.log))
        url = f"http://{self.addresses['answering health checks']}/-/ready"
        for _ in range(600):
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(url, timeout=10).status == 200:
                    return
            time.sleep(0.1)
        raise RuntimeError("sealgate is never ready: " + "".join(self.log))

    def endpoint(self, https):
        if https:
            return f"https://{self.addresses['listening with TLS']}"
        return f"http://{self.addresses['listening']}"

    def peak_memory(self):
        """The most memory it has had resident, in bytes."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmHWM")

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def temporary():
    return tempfile.TemporaryDirectory(prefix="sealgate-clients-")
