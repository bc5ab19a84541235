"""What Sealgate writes in Amazon's formats for a plain client, opened from the store by Amazon's own clients and those of others."""
import concurrent.futures
import random

import cases
from content import noise
from reading import is_refused, reads_as

SIZES = {"": cases.SHORT, " empty": cases.EMPTY, " long": cases.LONG, " blocks": cases.BLOCK}
CONTEXT = {"context": {"purpose": "interop"}}
# Rule, and who opens what it writes: (tool, master key, what goes with the request).
RULES = {
    "v3-aes": [("java", "aes", {})],
    "v3-rsa": [("java", "rsa", {})],
    "v3-kms": [("java", "kms", CONTEXT), ("amazon", "kms", CONTEXT), ("go", "kms", CONTEXT)],
    "v2-aes": [("java", "aes", {})],
    "v2-rsa": [("java", "rsa", {})],
    "v2-kms": [("java", "kms", CONTEXT), ("amazon", "kms", CONTEXT), ("go", "kms", CONTEXT), ("aio", "kms", {})],
    "apart-aes": [("java", "aes", {})],
}
ENVELOPE = {
    "v3-aes": {"x-amz-c", "x-amz-d", "x-amz-i", "x-amz-3", "x-amz-w"},
    "v3-rsa": {"x-amz-c", "x-amz-d", "x-amz-i", "x-amz-3", "x-amz-w"},
    "v3-kms": {"x-amz-c", "x-amz-d", "x-amz-i", "x-amz-3", "x-amz-w", "x-amz-t"},
    "v2-aes": {"x-amz-key-v2", "x-amz-iv", "x-amz-cek-alg", "x-amz-wrap-alg", "x-amz-tag-len", "x-amz-matdesc"},
    "v2-rsa": {"x-amz-key-v2", "x-amz-iv", "x-amz-cek-alg", "x-amz-wrap-alg", "x-amz-tag-len", "x-amz-matdesc"},
    "v2-kms": {"x-amz-key-v2", "x-amz-iv", "x-amz-cek-alg", "x-amz-wrap-alg", "x-amz-tag-len", "x-amz-matdesc"},
    "apart-aes": {"x-amz-c", "x-amz-d", "x-amz-i"},
}
OWNER = {"owner": "the client"}


def run(tally, world):
    secrets = {"shared-aes": world.secrets["aes"], "shared-rsa": world.secrets["rsa"]}
    _, plain = world.example("amazon-write.toml", secrets, {"shared-kms": world.kms_settings()})
    buckets = {rule: world.bucket(rule) for rule in RULES}

    def opens(rule, key, content):
        """At the store stands what Amazon's formats say and nothing more; every tool opens it, and so does Sealgate."""
        held = world.raw.head_object(Bucket=buckets[rule], Key=key)
        assert set(held["Metadata"]) == ENVELOPE[rule] | {"owner"}, sorted(held["Metadata"])
        assert held["ContentLength"] == len(content) + 16, held["ContentLength"]
        for tool, master, more in RULES[rule]:
            got = world.tool(tool).get(buckets[rule], key, master=world.masters[master], format="v2" if rule.startswith("v2") else "v3", **more)
            assert got == content, f"{tool} read {len(got)} bytes for {len(content)}"
        reads_as(plain, buckets[rule], key, content, OWNER)

    def whole(rule, label, size):
        key, content = f"d/whole{label}", noise(f"{rule}{label}", size)
        plain.put_object(Bucket=buckets[rule], Key=key, Body=content, Metadata=OWNER)
        opens(rule, key, content)

    def in_parts(rule, key, numbers, last, again=()):
        """Parts 1, 2, 3 … sent in the order of `numbers` by four at a time; then those of `again`, with the same content, once more."""
        pieces = {number: noise(f"{rule}{key}{number}", cases.PARTS if number < max(numbers) else last) for number in numbers}
        there = {"Bucket": buckets[rule], "Key": key}
        upload = plain.create_multipart_upload(Metadata=OWNER, **there)["UploadId"]

        def send(number):
            return number, plain.upload_part(UploadId=upload, PartNumber=number, Body=pieces[number], **there)["ETag"]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            etags = dict(pool.map(send, numbers))
            etags.update(pool.map(send, again))
        parts = [{"PartNumber": number, "ETag": etags[number]} for number in sorted(pieces)]
        plain.complete_multipart_upload(UploadId=upload, MultipartUpload={"Parts": parts}, **there)
        opens(rule, key, b"".join(pieces[number] for number in sorted(pieces)))

    def copied(rule):
        key, content = "d/copied from here", noise(f"{rule} copied", cases.SHORT)
        plain.put_object(Bucket=buckets[rule], Key=key, Body=content, Metadata=OWNER)
        plain.copy_object(Bucket=buckets[rule], Key="d/copy", CopySource={"Bucket": buckets[rule], "Key": key})
        opens(rule, "d/copy", content)

    def not_ours(rule):
        """Envelopes are not for clients to set."""
        is_refused(lambda: plain.put_object(Bucket=buckets[rule], Key="d/forged", Body=b"x", Metadata={"x-amz-c": "115"}), "InvalidArgument", "AccessDenied", "InvalidRequest")

    def instruction_file():
        """It comes, follows copies, is no client's to see for an object, and goes with its object."""
        bucket, content = buckets["apart-aes"], noise("apart", cases.SHORT)

        def stored():
            return {entry["Key"] for entry in world.raw.list_objects_v2(Bucket=bucket, Prefix="e/").get("Contents", [])}
        plain.put_object(Bucket=bucket, Key="e/one", Body=content, Metadata=OWNER)
        assert stored() == {"e/one", "e/one.instruction"}, stored()
        plain.copy_object(Bucket=bucket, Key="e/two", CopySource={"Bucket": bucket, "Key": "e/one"})
        assert stored() == {"e/one", "e/one.instruction", "e/two", "e/two.instruction"}, stored()
        opens("apart-aes", "e/two", content)
        plain.delete_object(Bucket=bucket, Key="e/one")
        plain.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "e/two"}]})
        assert stored() == set(), stored()

    for rule in RULES:
        for label, size in SIZES.items():
            tally.run(f"write {rule}: whole{label}", whole, rule, label, size)
        tally.run(f"write {rule}: a copy", copied, rule)
        tally.run(f"write {rule}: parts in order", in_parts, rule, "d/parts", [1, 2, 3], cases.SHORT)
        tally.run(f"write {rule}: a client's envelope is refused", not_ours, rule)
    for rule in ("v3-aes", "v3-kms", "v2-rsa"):
        numbers = list(range(1, 8))
        random.Random(rule).shuffle(numbers)
        tally.run(f"write {rule}: parts in parallel and out of order", in_parts, rule, "d/shuffled", numbers, cases.LONG)
        tally.run(f"write {rule}: the last part first, and parts again", in_parts, rule, "d/again", [3, 2, 1], 17, (2, 3))
    tally.run("write apart-aes: the instruction file follows its object", instruction_file)
