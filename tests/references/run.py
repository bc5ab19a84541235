#!/usr/bin/env python3
"""Keys that real programs decrypt for a real Sealgate: age, and pass with gpg.

    run.py --sealgate BINARY --age FOLDER

FOLDER holds `age` and `age-keygen`; `pass` and `gpg` are Debian's; boto3 is imported. Each program keeps a key that nothing else knows; the
daemon starts with it, seals, is started again and opens. Then the program fails in every way there is, and the daemon has to say why.
The working folders are the programs' homes: nothing of the caller's is touched. Ends with "N passed, M failed".
"""
import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys

import boto3
from botocore.config import Config

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))
from stage import ACCESS, REGION, SECRET, Sealgate, Tally, temporary  # noqa: E402  (only importable once the path is set)

CONTENT = os.urandom(300_000)


class Home:
    """A folder, and programs that are at home in it as the daemon is."""

    def __init__(self, folder, name, programs=""):
        self.folder = pathlib.Path(folder, name)
        self.folder.mkdir(mode=0o700)
        self.environment = {"PATH": f"{programs}:{os.environ['PATH']}" if programs else os.environ["PATH"], "HOME": str(self.folder)}

    def run(self, *command, stdin=None):
        done = subprocess.run(command, env=self.environment, cwd=self.folder, input=stdin, capture_output=True, timeout=120)
        assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr.decode(errors='replace')}"
        return done.stdout

    def new_key(self, sealgate):
        """A fresh key as `keygen` writes it. Its file is gone."""
        self.run(sealgate, "keygen", "--id", "kept", "--out", "kept.key")
        path = self.folder / "kept.key"
        key = path.read_bytes()
        path.unlink()
        return key


def keyed(command):
    return ["[[keys]]", 'id = "kept"', f'secret = "command:{command}"']


def seals_and_opens_again(sealgate, home, command, key):
    def client(daemon):
        return boto3.session.Session().client("s3", endpoint_url=daemon.endpoint(https=False), region_name=REGION, aws_access_key_id=ACCESS,
                                              aws_secret_access_key=SECRET, config=Config(s3={"addressing_style": "path"}))
    with Sealgate(sealgate, home.folder, settings=keyed(command)) as daemon:
        client(daemon).create_bucket(Bucket="first")
        client(daemon).put_object(Bucket="first", Key="k", Body=CONTENT)
        assert daemon.stop() == 0
    with Sealgate(sealgate, home.folder, settings=keyed(command)) as daemon:
        assert client(daemon).get_object(Bucket="first", Key="k")["Body"].read() == CONTENT
        said = "".join(daemon.log)
    secret = key.decode().split("sealgate-key-1 ")[1].split()[0]
    assert secret not in said, "the key is in the log"
    stored = [path.read_bytes() for path in pathlib.Path(home.folder, "store").rglob("*") if path.is_file()]
    assert stored and not any(CONTENT[:64] in contents or secret.encode() in contents for contents in stored)


def refused(sealgate, home, command, *expected):
    """`serve` ends with 64, names the program and says `expected`."""
    config = home.folder / f"refused-{os.urandom(4).hex()}.toml"
    lines = ['listen = "127.0.0.1:0"', 'admin = "off"', f'data = "{home.folder}/refused"', "[store]", f'path = "{home.folder}/none"', *keyed(command)]
    config.write_text("\n".join(lines) + "\n")
    done = subprocess.run([sealgate, "serve", "--config", config], env=home.environment, capture_output=True, timeout=60)
    said = done.stderr.decode(errors="replace")
    assert done.returncode == 64, f"{done.returncode}: {said}"
    for part in ("key kept", *expected):
        assert part in said, f"no {part!r} in {said}"
    assert "sealgate-key-1" not in said, "the key is in the log"
    assert not (home.folder / "none").exists(), "something was made"


def age(tally, sealgate, folder, programs):
    home = Home(folder, "age")
    program, keygen = f"{programs}/age", f"{programs}/age-keygen"
    for identity in ("identity", "stranger"):
        home.run(keygen, "-o", f"{identity}.txt")
    recipient = home.run(keygen, "-y", "identity.txt").decode().strip()
    key = home.new_key(sealgate)
    home.run(program, "--encrypt", "-r", recipient, "-o", "kept.age", stdin=key)
    at = home.folder
    command = f"{program} --decrypt -i {at}/identity.txt {at}/kept.age"
    tally.run("age decrypts the key", seals_and_opens_again, sealgate, home, command, key)
    tally.run("age with another identity", refused, sealgate, home, command.replace("identity.txt", "stranger.txt"),
              f"{program} failed (exit status: 1)", "no identity matched")
    tally.run("age without the file", refused, sealgate, home, command.replace("kept.age", "gone.age"), f"{program} failed", "no such file")
    damaged = (at / "kept.age").read_bytes()
    (at / "damaged.age").write_bytes(damaged[:-1] + bytes([damaged[-1] ^ 1]))
    tally.run("age of a file that was changed", refused, sealgate, home, command.replace("kept.age", "damaged.age"), f"{program} failed")
    home.run(program, "--encrypt", "-r", recipient, "-o", "empty.age", stdin=b"")
    tally.run("age of an empty file", refused, sealgate, home, command.replace("kept.age", "empty.age"), "printed nothing")
    home.run(program, "--encrypt", "-r", recipient, "-o", "large.age", stdin=bytes(100_000))
    tally.run("age of a large file", refused, sealgate, home, command.replace("kept.age", "large.age"), "printed more than 64 KiB")
    os.mkfifo(at / "silent.age")
    # Somebody has it open and writes nothing, so that the program waits for what to read.
    silence = os.open(at / "silent.age", os.O_RDWR)
    try:
        tally.run("age that hangs", refused, sealgate, home, command.replace("kept.age", "silent.age"), f"{program} took longer than 30s")
    finally:
        os.close(silence)
    tally.run("age that is not there", refused, sealgate, home, "age-of-nowhere --decrypt", "cannot run age-of-nowhere; is it installed")


def password_store(tally, sealgate, folder):
    home = Home(folder, "pass")
    (home.folder / ".gnupg").mkdir(mode=0o700)
    try:
        home.run("gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", "", "--quick-generate-key", "sealgate tests", "default", "default", "1d")
        home.run("pass", "init", "sealgate tests")
        key = home.new_key(sealgate)
        home.run("pass", "insert", "--multiline", "sealgate/kept", stdin=key)
        tally.run("pass shows the key", seals_and_opens_again, sealgate, home, "pass show sealgate/kept", key)
        tally.run("pass without the entry", refused, sealgate, home, "pass show sealgate/gone", "pass failed (exit status: 1)", "is not in the password store")
        home.run("gpgconf", "--kill", "gpg-agent")
        (home.folder / ".gnupg/private-keys-v1.d").rename(home.folder / "away")
        tally.run("pass without the secret key", refused, sealgate, home, "pass show sealgate/kept", "pass failed (exit status: 2)", "No secret key")
    finally:
        home.run("gpgconf", "--kill", "all")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sealgate", required=True)
    parser.add_argument("--age", required=True)
    options, tally = parser.parse_args(), Tally()
    sealgate = str(pathlib.Path(options.sealgate).resolve())
    print(subprocess.run([f"{options.age}/age", "--version"], capture_output=True, text=True, check=True).stdout.strip(), flush=True)
    print(subprocess.run(["dpkg-query", "--show", "pass", "gpg"], capture_output=True, text=True, check=True).stdout.strip(), flush=True)
    with temporary() as folder, concurrent.futures.ThreadPoolExecutor() as pool:
        for each in [pool.submit(age, tally, sealgate, folder, options.age), pool.submit(password_store, tally, sealgate, folder)]:
            each.result()
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
