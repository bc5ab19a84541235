#!/usr/bin/env python3
"""deploy/systemd/sealgate.service under a real systemd, with every secret handed over by LoadCredential=.

    run.py --sealgate BINARY

A systemd boots in a container of systemd-nspawn whose /usr is this machine's, read-only, and which has nothing else of it but the network;
that takes a few seconds. boto3 is imported. Where none boots (no root, no right to mount and unshare, no control groups), it says that it was
NOT RUN, and why. Ends with "N passed, M failed".
"""
import argparse
import contextlib
import json
import os
import pathlib
import secrets
import subprocess
import sys
import time

import boto3
from botocore.config import Config

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))
from stage import ACCESS, REGION, SECRET, Tally, certificates, temporary  # noqa: E402  (only importable once the path is set)

UNIT = HERE.parent.parent / "deploy/systemd/sealgate.service"
CONTENT = os.urandom(200_000)
KINDS = ("aes", "passphrase", "x25519")
ARGON2 = "$argon2id$v=19$m=19456,t=1,p=1$c2VhbGdhdGUgdmVjdG9ycw"


class Machine:
    """A booted systemd, and the folders that it sees as /etc/sealgate and as its own units."""

    def __init__(self, folder, binary):
        self.folder = pathlib.Path(folder)
        self.settings, self.units, self.secrets = (self.folder / name for name in ("settings", "units", "secrets"))
        for path in (self.settings, self.units / "sealgate.service.d", self.secrets):
            path.mkdir(parents=True, mode=0o755)
        (self.units / "sealgate.service").write_bytes(UNIT.read_bytes())
        self.log = open(self.folder / "boot.log", "wb")
        binds = [f"--bind={self.settings}:/etc/sealgate", f"--bind={self.units}:/etc/systemd/system",
                 f"--bind-ro={self.secrets}:/secrets", f"--bind-ro={binary}:/opt/sealgate"]
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--volatile=yes", f"--machine=sealgate-{secrets.token_hex(4)}",
             "--directory=/", *binds, "systemd.unit=basic.target", "systemd.firstboot=no"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, cwd="/")

    def boots(self):
        """Waits until systemd answers; says why not."""
        for _ in range(300):
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError, ValueError, subprocess.TimeoutExpired):
                children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
                self.leader = int(children[0]) if children else 0
                if self.leader and self.run("systemctl", "is-active", "basic.target", check=False).stdout.strip() == b"active":
                    return
            time.sleep(0.1)
        raise RuntimeError((self.folder / "boot.log").read_text(errors="replace")[-2000:])

    def run(self, *command, check=True):
        done = subprocess.run(["nsenter", f"--target={self.leader}", "--all", *command], capture_output=True, timeout=120, cwd="/",
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        if check and done.returncode:
            raise AssertionError(f"{command} ended with {done.returncode}: {done.stderr.decode(errors='replace')}\n{self.journal()}")
        return done

    def journal(self):
        return self.run("journalctl", "--unit=sealgate", "--output=cat", "--no-pager", check=False).stdout.decode(errors="replace")

    def shown(self, name):
        return self.run("systemctl", "show", "--value", f"--property={name}", "sealgate").stdout.decode().strip()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


class Service:
    """The unit with a drop-in as an operator writes it."""

    def __init__(self, machine, binary):
        self.machine = machine
        made = machine.folder / "made"
        made.mkdir()
        for kind in ("aes", "x25519"):
            subprocess.run([binary, "keygen", "--kind", kind, "--id", kind, "--out", kind], cwd=made, check=True, capture_output=True, timeout=60)
        self.ca, cert, key = certificates(made)
        sources = {"aes": made / "aes", "x25519": made / "x25519", "tls-key": pathlib.Path(key)}
        contents = {name: path.read_bytes() for name, path in sources.items()}
        contents.update({"passphrase": b"words that only tests know\n", "client": SECRET.encode()})
        for name, content in contents.items():
            (machine.secrets / name).write_bytes(content)
            (machine.secrets / name).chmod(0o600)
        (machine.settings / "tls.pem").write_bytes(pathlib.Path(cert).read_bytes())
        (machine.settings / "tls.pem").chmod(0o644)
        lines = [f"LoadCredential={name}:/secrets/{name}" for name in contents]
        drop_in = ["[Service]", "ExecStart=", "ExecStart=/opt/sealgate serve --data %S/sealgate", *lines]
        (machine.units / "sealgate.service.d/secrets.conf").write_text("\n".join(drop_in) + "\n")

    def configure(self, primary, key="aes"):
        keys = {kind: ["[[keys]]", f'id = "{kind}"', f'kind = "{kind}"', f'secret = "credential:{kind}"'] for kind in KINDS}
        keys["passphrase"].append(f'argon2 = "{ARGON2}"')
        keys["aes"][-1] = f'secret = "credential:{key}"'
        lines = ['listen = "127.0.0.1:0"', 'admin = "off"', "[log]", 'format = "json"', "[tls]", 'listen = "127.0.0.1:0"',
                 'cert = "/etc/sealgate/tls.pem"', 'key = "credential:tls-key"', "[[clients]]", f'access_key = "{ACCESS}"',
                 'secret = "credential:client"', *[line for kind in KINDS for line in keys[kind]], "[keyring]", f'primary = "{primary}"']
        (self.machine.settings / "sealgate.toml").write_text("\n".join(lines) + "\n")
        (self.machine.settings / "sealgate.toml").chmod(0o644)

    def client(self):
        """Of whichever listener with TLS was announced last."""
        said = [json.loads(line) for line in self.machine.journal().splitlines() if line.startswith("{")]
        address = [line["address"] for line in said if line["message"] == "listening with TLS"][-1]
        return boto3.session.Session().client("s3", endpoint_url=f"https://{address}", region_name=REGION, aws_access_key_id=ACCESS,
                                              aws_secret_access_key=SECRET, verify=self.ca, config=Config(s3={"addressing_style": "path"}))

    def opens(self, kind):
        assert self.client().get_object(Bucket="first", Key=kind)["Body"].read() == CONTENT + kind.encode()


def seals_with_each_kind(service):
    for kind in KINDS:
        service.configure(kind)
        # It returns when the unit says that it answers requests.
        service.machine.run("systemctl", "restart", "sealgate")
        client = service.client()
        if kind == KINDS[0]:
            client.create_bucket(Bucket="first")
        client.put_object(Bucket="first", Key=kind, Body=CONTENT + kind.encode())
    for kind in KINDS:
        service.opens(kind)


def credentials_are_its_own(service):
    process = service.machine.shown("MainPID")
    user = service.machine.run("stat", "--format=%u", f"/proc/{process}").stdout.decode().strip()
    assert user != "0", "it runs as root"
    found = service.machine.run("find", "/run/credentials/sealgate.service", "-printf", "%M %y %f\n").stdout.decode().split("\n")
    assert len([line for line in found if " f " in line]) == 5, found
    assert all("w" not in line.split()[0] and line.split()[0].endswith("---") for line in found if line), found


def reloads(service):
    before = service.machine.shown("MainPID")
    service.machine.run("systemctl", "reload", "sealgate")
    service.opens(KINDS[0])
    assert service.machine.shown("MainPID") == before


def a_missing_credential_is_final(service):
    service.configure("aes", key="absent")
    started = service.machine.run("systemctl", "restart", "sealgate", check=False)
    assert started.returncode != 0
    # Without RestartPreventExitStatus= it would be "activating" now.
    assert (service.machine.shown("ExecMainStatus"), service.machine.shown("ActiveState")) == ("64", "failed")
    said = service.machine.journal()
    assert "credential:absent" in said and "LoadCredential=absent:FILE" in said, said
    service.configure("aes")
    service.machine.run("systemctl", "restart", "sealgate")
    service.opens("passphrase")


def nothing_secret_is_in_the_journal(service):
    said = service.machine.journal()
    key = service.machine.secrets.joinpath("aes").read_text().split("sealgate-key-1 ")[1].split()[0]
    assert not any(secret in said for secret in (key, SECRET, "words that only tests know"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sealgate", required=True)
    options, tally = parser.parse_args(), Tally()
    binary = str(pathlib.Path(options.sealgate).resolve())
    print(subprocess.run(["systemd-nspawn", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0], flush=True)
    with temporary() as folder:
        machine = Machine(folder, binary)
        try:
            try:
                machine.boots()
            except RuntimeError as problem:
                # Sealgate has not been asked anything yet.
                print(f"NOT RUN a real systemd: none boots here: {problem}")
                return 0
            service = Service(machine, binary)
            machine.run("systemctl", "daemon-reload")
            for check in (seals_with_each_kind, credentials_are_its_own, reloads, a_missing_credential_is_final, nothing_secret_is_in_the_journal):
                tally.run(check.__name__.replace("_", " "), check, service)
        finally:
            machine.close()
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
