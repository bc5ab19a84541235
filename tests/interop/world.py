"""What the checks stand on: the store and the KMS as they are, keys, the tools, and daemons started from examples of the documentation.

Knows no format. The S3 that comes with the test KMS will not do as the store: it answers the Java client with a bare "100 Continue".
"""
import base64
import contextlib
import os
import pathlib
import subprocess
import sys
import threading
import time
import traceback

import boto3
from botocore.config import Config
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))
from stage import ACCESS, REGION, SECRET, Sealgate, secret_file, server_store  # noqa: E402  (only importable once the path is set)
import examples  # noqa: E402
from tooling import Tool, environment  # noqa: E402

PATHS = Config(s3={"addressing_style": "path"})


def s3(endpoint, access_key, secret):
    return boto3.session.Session().client("s3", endpoint_url=endpoint, region_name=REGION, aws_access_key_id=access_key,
                                          aws_secret_access_key=secret, config=PATHS)


def rsa_pair():
    """A key pair as requests to tools carry it, and as a PEM file has it: the private key, and the public one alone."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = [key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
               for encoding in (serialization.Encoding.DER, serialization.Encoding.PEM)]
    public = [key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
              for encoding in (serialization.Encoding.DER, serialization.Encoding.PEM)]
    request = {"rsa": {"pkcs8": base64.b64encode(private[0]).decode(), "spki": base64.b64encode(public[0]).decode()}}
    return request, private[1].decode(), public[1].decode()


def aes_key(size):
    """The same of a key of so many bytes; the file has it in base64, as `openssl rand -base64` prints it."""
    key = os.urandom(size)
    return {"aes": key.hex()}, base64.b64encode(key).decode() + "\n"


class World:
    def __init__(self, options, folder):
        self.options, self.folder = options, pathlib.Path(folder)
        self.kms_endpoint = os.environ["SEALGATE_TEST_KMS_ENDPOINT"]
        self.store = server_store()
        self.raw = s3(self.store["endpoint"], self.store["access_key"], self.store["secret"])
        self.kms = boto3.session.Session().client("kms", endpoint_url=self.kms_endpoint, region_name=REGION, aws_access_key_id="any", aws_secret_access_key="any")
        self.arn = self.kms.create_key(Description="sealgate interop")["KeyMetadata"]["Arn"]
        self.masters, self.secrets = {"kms": {"kms": self.arn}}, {}
        for name, size in (("aes", 32), ("aes-west", 32), ("aes-24", 24), ("aes-16", 16)):
            self.masters[name], self.secrets[name] = aes_key(size)
        self.masters["rsa"], self.secrets["rsa"], self.secrets["rsa-public"] = rsa_pair()
        _, self.secrets["sealing"] = aes_key(32)
        self.any_secret = secret_file(self.folder / "any.secret", "any")
        self.ends, self.lock, self.shared = contextlib.ExitStack(), threading.Lock(), None

    @staticmethod
    def attend(tally, name, function, *arguments):
        """Runs a group of checks. Whatever ends it before its checks begin counts as a failed check."""
        try:
            function(*arguments)
        except Exception as problem:  # every kind of failure is a failed check
            tally.record(f"{name} begins", time.monotonic(), f"{problem}\n{traceback.format_exc(limit=-4)}")

    def bucket(self, name):
        """A name that no other run has; made at the store."""
        name = f"{name}-{os.urandom(4).hex()}"
        self.raw.create_bucket(Bucket=name)
        return name

    def tools(self, label, store=None):
        """All tools, working on this store, by name."""
        folder = self.folder / label
        folder.mkdir()
        sees, options = environment(store or self.store, self.kms_endpoint, folder), self.options
        commands = {
            "amazon": [options.amazon, HERE / "tools/amazon.py"], "aio": [options.older, HERE / "tools/aio.py"],
            "older": [options.older, HERE / "tools/older.py"], "go": [options.go],
            "java": ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{options.java}/*:{options.java}/lib/*", "Interop"],
        }
        tools = {name: Tool(name, command, sees, folder) for name, command in commands.items()}
        for tool in tools.values():
            self.ends.callback(tool.close)
        return tools

    def tool(self, name):
        """One of the tools that work on the store, which all groups share."""
        with self.lock:
            if self.shared is None:
                self.shared = self.tools("tools")
        return self.shared[name]

    def daemon(self, label, settings=None):
        """A Sealgate on the store, and a plain client of it. Uploads are remembered locally, as every format can."""
        folder = self.folder / label
        folder.mkdir()
        daemon = self.ends.enter_context(Sealgate(self.options.sealgate, folder, self.store, settings, uploads="local"))
        return daemon, s3(daemon.endpoint(https=False), ACCESS, SECRET)

    def example(self, name, secrets, more=None, label=None):
        """The same with the keys and rules of an example; `secrets` are by key id, that of the daemon's own sealing key goes without saying."""
        label = label or name
        folder = self.folder / f"keys of {label}"
        folder.mkdir()
        secrets = {id: {"secret": secret} if isinstance(secret, str) else secret for id, secret in secrets.items()}
        lines = examples.settings(name, folder, {"2026-11": {"secret": self.secrets["sealing"]}, **secrets}, more or {})
        return self.daemon(label, lines)

    def kms_settings(self):
        """What a key of kind "aws-kms" has here beside what the example says."""
        return {"key": self.arn, "endpoint": self.kms_endpoint, "region": REGION, "access_key": "any", "secret": self.any_secret}

    def client_of(self, daemon):
        """What a tool needs to take this daemon for its store."""
        return {"endpoint": daemon.endpoint(https=False), "access_key": ACCESS, "secret": SECRET}


def versions(options):
    """Lines that say which tools these are."""
    def pip(python, *names):
        code = "import importlib.metadata as m, sys; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
        return subprocess.run([python, "-c", code, *names], check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    jars = sorted(path.stem for path in pathlib.Path(options.java, "lib").glob("*.jar"))
    built = subprocess.run(["go", "version", "-m", options.go], check=True, capture_output=True, text=True, timeout=60).stdout
    yield pip(options.amazon, "amazon-s3-encryption-client-python", "boto3")
    yield pip(options.older, "aioboto3", "s3-encryption")
    yield ", ".join(jar for jar in jars if jar.startswith(("amazon-s3-encryption-client-java", "s3-2", "aws-java-sdk-s3")))
    yield next(" ".join(line.split()[1:3]) for line in built.splitlines() if "amazon-s3-encryption-client-go" in line)
