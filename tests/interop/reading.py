"""What a plain client must see of an object, whoever wrote it: its content, whole and in ranges, its size everywhere, and nothing of an envelope."""
import botocore.exceptions

SPANS = [(0, 0), (5, 20), (15, 16), (4095, 4096), (65530, 65570)]


def ranges_of(size):
    """Borders of blocks, of chunks, and the end, as far as the object has them."""
    spans = [(first, last) for first, last in SPANS if last < size]
    return spans + ([(max(0, size - 33), size - 1)] if size else [])


def reads_as(plain, bucket, key, content, metadata=None, listed=True):
    """GET, ranges, HEAD and LIST agree that the object is `content`. `listed` is false where sizes in listings are not the plaintext's."""
    whole = plain.get_object(Bucket=bucket, Key=key)
    got = whole["Body"].read()
    assert got == content, f"{len(got)} bytes for {len(content)}; they differ at {next((i for i, (a, b) in enumerate(zip(got, content)) if a != b), None)}"
    assert whole["ContentLength"] == len(content), whole["ContentLength"]
    head = plain.head_object(Bucket=bucket, Key=key)
    assert head["ContentLength"] == len(content), f"HEAD says {head['ContentLength']}, not {len(content)}"
    assert whole["Metadata"] == head["Metadata"] == (metadata or {}), head["Metadata"]
    assert whole["ETag"] == head["ETag"], (whole["ETag"], head["ETag"])
    for first, last in ranges_of(len(content)):
        part = plain.get_object(Bucket=bucket, Key=key, Range=f"bytes={first}-{last}")
        assert part["Body"].read() == content[first:last + 1], f"range {first}-{last}"
        assert part["ContentRange"] == f"bytes {first}-{last}/{len(content)}", part["ContentRange"]
    sizes = {entry["Key"]: entry["Size"] for entry in plain.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]}
    if listed:
        assert sizes[key] == len(content), f"LIST says {sizes[key]}, not {len(content)}"


def is_refused(ask, *codes):
    """A request that must not be served; returns S3's code. A broken connection is a refusal too where it is among `codes`."""
    try:
        answer = ask()
        got = answer["Body"].read() if "Body" in answer else answer
    except botocore.exceptions.ClientError as problem:
        code = problem.response["Error"]["Code"]
        assert not codes or code in codes, f"{code}, not one of {codes}: {problem}"
        return code
    raise AssertionError(f"it was served: {str(got)[:200]}")
