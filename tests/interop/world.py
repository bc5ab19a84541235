"""What the checks stand on: the store and the KMS as they are, keys, the tools, and daemons started from examples of the documentation.

Knows no format. The store is a real S3 server where the environment names one, and otherwise the S3 that comes with the test KMS.
"""
import base64
import contextlib
import os
import pathlib
import subprocess
import sys

import boto3
from botocore.config import Config
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))
from stage import ACCESS, REGION, SECRET, Sealgate, server_store  # noqa: E402  (only importable once the path is set)
from tooling import Tool, environment  # noqa: E402

QUIET = Config(s3={"addressing_style": "path"}, retries={"mode": "standard", "total_max_attempts": 1})


def s3(endpoint, access_key, secret):
    return boto3.session.Session().client("s3", endpoint_url=endpoint, region_name=REGION, aws_access_key_id=access_key,
                                          aws_secret_access_key=secret, config=QUIET)


def rsa_pair():
    """A key pair as requests to tools carry it, and as a PEM file has it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = [key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
               for encoding in (serialization.Encoding.DER, serialization.Encoding.PEM)]
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"rsa": {"pkcs8": base64.b64encode(private[0]).decode(), "spki": base64.b64encode(public).decode()}}, private[1].decode()


class World:
    def __init__(self, options, folder):
        self.options, self.folder = options, pathlib.Path(folder)
        self.kms_endpoint = os.environ["SEALGATE_TEST_KMS_ENDPOINT"]
        self.store = server_store() or {"endpoint": self.kms_endpoint, "access_key": "any", "secret": "any"}
        self.raw = s3(self.store["endpoint"], self.store["access_key"], self.store["secret"])
        self.kms = boto3.session.Session().client("kms", endpoint_url=self.kms_endpoint, region_name=REGION, aws_access_key_id="any", aws_secret_access_key="any")
        self.arn = self.kms.create_key(Description="sealgate interop")["KeyMetadata"]["Arn"]
        pair, self.rsa_pem = rsa_pair()
        self.aes = os.urandom(32)
        self.masters = {"kms": {"kms": self.arn}, "aes": {"aes": self.aes.hex()}, "rsa": pair}
        self.ends = contextlib.ExitStack()

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

    def daemon(self, label, settings=None):
        """A Sealgate on the store, and a plain client of it. Uploads are remembered locally, as every format can."""
        folder = self.folder / label
        folder.mkdir()
        daemon = self.ends.enter_context(Sealgate(self.options.sealgate, folder, self.store, settings, uploads="local"))
        return daemon, s3(daemon.endpoint(https=False), ACCESS, SECRET)

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
