"""What the store itself holds, opened by the independent decryptor and by nothing else.

Reads a real server with the store's own credentials, and the embedded store's files by the layout its documentation gives. Never asks
Sealgate anything.
"""
import hashlib
import json
import pathlib
import struct
import sys

import boto3
from awscrt import checksums
from botocore.config import Config

from stage import KEY, REGION

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "decryptor"))
import unseal  # noqa: E402  (only importable once the path is set)
import unseal_multipart  # noqa: E402


def digest(name, data, slow=unseal.digest):
    """The decryptor's own sums in plain Python take a second for each few MiB; these are Amazon's, and not Sealgate's either."""
    fast = {"CRC32": (checksums.crc32, 4), "CRC32C": (checksums.crc32c, 4), "CRC64NVME": (checksums.crc64nvme, 8)}.get(name)
    return fast[0](bytes(data)).to_bytes(fast[1], "big") if fast else slow(name, data)


unseal.digest = unseal_multipart.digest = digest


def from_server(store):
    """A function from bucket, key and perhaps version to (bytes, metadata) at the real server."""
    s3 = boto3.session.Session().client(
        "s3", endpoint_url=store["endpoint"], aws_access_key_id=store["access_key"], aws_secret_access_key=store["secret"],
        region_name=REGION, config=Config(s3={"addressing_style": "path"}))

    def read(bucket, key, version=None):
        answer = s3.get_object(Bucket=bucket, Key=key, **({"VersionId": version} if version else {}))
        return answer["Body"].read(), answer["Metadata"]
    return read


def from_directory(root):
    """The same for the embedded store: content, a JSON record, its length, eight bytes of magic; named by the key's SHA-256 and the version."""
    def read(bucket, key, version=None):
        name = hashlib.sha256(key.encode()).hexdigest() + (f".{version}" if version else "")
        data = pathlib.Path(root, "buckets", bucket, "objects", name[:2], name[2:]).read_bytes()
        assert data[-8:] == b"OBJ-END1"
        length, = struct.unpack("<I", data[-12:-8])
        record = json.loads(data[-12 - length:-12])
        assert record["key"] == key and record["content_len"] == len(data) - 12 - length
        return data[:record["content_len"]], record["metadata"]
    return read


def sealed(read, bucket, key, version=None):
    """(stored bytes, envelope, sealed metadata) of an object that shows nothing else."""
    stored, metadata = read(bucket, key, version)
    assert set(metadata) <= {"sealgate", "sealgate-m"}, metadata
    return stored, metadata["sealgate"], metadata.get("sealgate-m")


def opens_to(read, bucket, objects, version=None):
    """Every object (key to plaintext), in this version if there are any, is sealed at the store, shows none of its content there, and opens to it."""
    assert objects, "nothing to look at"
    for key, plain in objects.items():
        stored, envelope, extra = sealed(read, bucket, key, version)
        assert len(plain) < 16 or plain[:16] not in stored, f"{key} is stored in the clear"
        opened, _, _ = unseal_multipart.unseal(KEY, bucket, key, envelope, stored, extra)
        assert bytes(opened) == plain, f"{key}: {len(opened)} bytes were stored where {len(plain)} others were meant"
