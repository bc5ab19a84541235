"""The proof on what is stored: bytes and metadata read from the store itself, opened by the independent decryptor and by nothing else."""
import hashlib
import json

import boto
from content import noise
from stage import KEY
from stored import sealed, unseal

SIZES = (0, 1, 17, 65535, 65536, 65537, 200_000, 5 * 1024 * 1024 + 1)


def refuses(*arguments):
    try:
        unseal.unseal(*arguments)
    except unseal.Refused:
        return
    raise AssertionError("it opened")


def run(tally, label, place, _program):
    s3, bucket = boto.client(place), place.bucket("stored")
    marker = b"plaintext-marker-" * 20

    def write():
        s3.create_bucket(Bucket=bucket)
        for size in SIZES:
            s3.put_object(Bucket=bucket, Key=f"o/{size}", Body=noise(size, size), Metadata={"size": str(size), "name": "gro\u0308\u00dfe".encode().hex()})
        s3.put_object(Bucket=bucket, Key="marker", Body=marker, Metadata={"colour": "metadata-marker"})

    def parts(key):
        return sealed(place.read, bucket, key)

    def opens():
        for size in SIZES:
            stored, envelope, extra = parts(f"o/{size}")
            plain, facts, metadata = unseal.unseal(KEY, bucket, f"o/{size}", envelope, stored, extra)
            assert bytes(plain) == noise(size, size) and facts[1] == size
            assert metadata["size"] == str(size), metadata
            table = 64 * (size // (5 << 20))
            assert len(stored) == size + 16 * -(-size // 65536) + table + 256

    def hides():
        stored, metadata = place.read(bucket, "marker")
        everything = stored + json.dumps(metadata).encode()
        for needle in (b"plaintext-marker", b"metadata-marker", hashlib.md5(marker).digest(), hashlib.md5(marker).hexdigest().encode(),
                       hashlib.sha256(marker).hexdigest().encode(), KEY):
            assert needle not in everything, needle

    def refuses_wrong_keys_and_names():
        stored, envelope, extra = parts("o/200000")
        key = f"o/{200_000}"
        for wrong in (bytes(31) + b"\1", bytes([KEY[0] ^ 1]) + KEY[1:], bytes(32)):
            refuses(wrong, bucket, key, envelope, stored, extra)
        refuses(KEY, "another-bucket", key, envelope, stored, extra)
        refuses(KEY, bucket, "o/200001", envelope, stored, extra)
        refuses(KEY, bucket, key, parts("o/1")[1], stored, extra)
        refuses(KEY, bucket, key, envelope, parts("o/1")[0], extra)
        refuses(KEY, bucket, key, envelope, stored, parts("o/1")[2])

    def refuses_changed_bytes():
        stored, envelope, extra = parts("o/200000")
        places = [0, 1, 65551, 65552, 131104, 200_000, len(stored) - 256, len(stored) - 200, len(stored) - 20, len(stored) - 9, len(stored) - 1]
        for at in places:
            changed = bytearray(stored)
            changed[at] ^= 0x10
            refuses(KEY, bucket, "o/200000", envelope, bytes(changed), extra)
        for other in (stored[:-1], stored[1:], stored + b"\0", stored[:65552] + stored[131104:], stored[65552:131104] + stored[:65552] + stored[131104:]):
            refuses(KEY, bucket, "o/200000", envelope, other, extra)
        refuses(KEY, bucket, "o/200000", envelope.replace("b=o", "b=n"), stored, extra)
        refuses(KEY, bucket, "o/200000", envelope, stored, ("A" if extra[0] != "A" else "B") + extra[1:])

    def never_repeats():
        seen = set()
        for _ in range(3):
            s3.put_object(Bucket=bucket, Key="again", Body=b"same bytes")
            stored, envelope, _ = parts("again")
            assert stored not in seen and envelope not in seen
            seen |= {stored, envelope}

    for check in (write, opens, hides, refuses_wrong_keys_and_names, refuses_changed_bytes, never_repeats):
        tally.run(f"{label} {check.__name__}", check)
