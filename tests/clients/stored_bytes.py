"""The proof on what is stored: bytes and metadata read from the store itself, opened by the independent decryptor and by nothing else.

Reads a real server with the store's own credentials, and the embedded store's files by the layout its documentation gives.
"""
import hashlib
import json
import pathlib
import struct
import sys

import boto3
from botocore.config import Config

import boto
from stage import KEY, REGION, noise

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "decryptor"))
import unseal  # noqa: E402  (only importable once the path is set)

BUCKET = "stored-bytes"
SIZES = (0, 1, 17, 65535, 65536, 65537, 200_000, 5 * 1024 * 1024 + 1)


def from_server(store):
    """A function from key to (bytes, metadata) at the real server."""
    s3 = boto3.session.Session().client(
        "s3", endpoint_url=store["endpoint"], aws_access_key_id=store["access_key"], aws_secret_access_key=store["secret"],
        region_name=REGION, config=Config(s3={"addressing_style": "path"}))

    def read(key):
        answer = s3.get_object(Bucket=BUCKET, Key=key)
        return answer["Body"].read(), answer["Metadata"]
    return read


def from_directory(root):
    """The same for the embedded store: content, a JSON record, its length, eight bytes of magic; named by the key's SHA-256."""
    def read(key):
        name = hashlib.sha256(key.encode()).hexdigest()
        data = pathlib.Path(root, "buckets", BUCKET, "objects", name[:2], name[2:]).read_bytes()
        assert data[-8:] == b"OBJ-END1"
        length, = struct.unpack("<I", data[-12:-8])
        record = json.loads(data[-12 - length:-12])
        assert record["key"] == key and record["content_len"] == len(data) - 12 - length
        return data[:record["content_len"]], record["metadata"]
    return read


def refuses(*arguments):
    try:
        unseal.unseal(*arguments)
    except unseal.Refused:
        return
    raise AssertionError("it opened")


def run(tally, label, place, read):
    s3 = boto.client(place)
    marker = b"plaintext-marker-" * 20

    def write():
        s3.create_bucket(Bucket=BUCKET)
        for size in SIZES:
            s3.put_object(Bucket=BUCKET, Key=f"o/{size}", Body=noise(size, size), Metadata={"size": str(size), "name": "gro\u0308\u00dfe".encode().hex()})
        s3.put_object(Bucket=BUCKET, Key="marker", Body=marker, Metadata={"colour": "metadata-marker"})

    def sealed(key):
        stored, metadata = read(key)
        assert set(metadata) <= {"sealgate", "sealgate-m"}, metadata
        return stored, metadata["sealgate"], metadata.get("sealgate-m")

    def opens():
        for size in SIZES:
            stored, envelope, extra = sealed(f"o/{size}")
            plain, facts, metadata = unseal.unseal(KEY, BUCKET, f"o/{size}", envelope, stored, extra)
            assert bytes(plain) == noise(size, size) and facts[1] == size
            assert metadata["size"] == str(size), metadata
            table = 64 * (size // (5 << 20))
            assert len(stored) == size + 16 * -(-size // 65536) + table + 256

    def hides():
        stored, metadata = read("marker")
        everything = stored + json.dumps(metadata).encode()
        for needle in (b"plaintext-marker", b"metadata-marker", hashlib.md5(marker).digest(), hashlib.md5(marker).hexdigest().encode(),
                       hashlib.sha256(marker).hexdigest().encode(), KEY):
            assert needle not in everything, needle

    def refuses_wrong_keys_and_names():
        stored, envelope, extra = sealed("o/200000")
        key = f"o/{200_000}"
        for wrong in (bytes(31) + b"\1", bytes([KEY[0] ^ 1]) + KEY[1:], bytes(32)):
            refuses(wrong, BUCKET, key, envelope, stored, extra)
        refuses(KEY, "another-bucket", key, envelope, stored, extra)
        refuses(KEY, BUCKET, "o/200001", envelope, stored, extra)
        refuses(KEY, BUCKET, key, sealed("o/1")[1], stored, extra)
        refuses(KEY, BUCKET, key, envelope, sealed("o/1")[0], extra)
        refuses(KEY, BUCKET, key, envelope, stored, sealed("o/1")[2])

    def refuses_changed_bytes():
        stored, envelope, extra = sealed("o/200000")
        places = [0, 1, 65551, 65552, 131104, 200_000, len(stored) - 256, len(stored) - 200, len(stored) - 20, len(stored) - 9, len(stored) - 1]
        for at in places:
            changed = bytearray(stored)
            changed[at] ^= 0x10
            refuses(KEY, BUCKET, "o/200000", envelope, bytes(changed), extra)
        for other in (stored[:-1], stored[1:], stored + b"\0", stored[:65552] + stored[131104:], stored[65552:131104] + stored[:65552] + stored[131104:]):
            refuses(KEY, BUCKET, "o/200000", envelope, other, extra)
        refuses(KEY, BUCKET, "o/200000", envelope.replace("b=o", "b=n"), stored, extra)
        refuses(KEY, BUCKET, "o/200000", envelope, stored, ("A" if extra[0] != "A" else "B") + extra[1:])

    def never_repeats():
        seen = set()
        for _ in range(3):
            s3.put_object(Bucket=BUCKET, Key="again", Body=b"same bytes")
            stored, envelope, _ = sealed("again")
            assert stored not in seen and envelope not in seen
            seen |= {stored, envelope}

    for check in (write, opens, hides, refuses_wrong_keys_and_names, refuses_changed_bytes, never_repeats):
        tally.run(f"{label} {check.__name__}", check)
