"""The encrypting clients on top of Sealgate, as on any S3: what they write is sealed once more, and comes back with its envelope."""
import cases
from content import noise


def run(tally, world):
    daemon, plain = world.daemon("above")
    tools = world.tools("tools-above", world.client_of(daemon))
    bucket = world.bucket("above")

    def carry(case):
        content, key = noise(case.name, cases.PARTS + 12345 if "parts" in case.more else cases.SHORT), f"{case.name}.bin"
        request = case.request(world.masters)
        tools[case.tool].put(bucket, key, content, **request)
        request.pop("parts", None)
        assert tools[case.tool].get(bucket, key, **request) == content
        seen, held = plain.head_object(Bucket=bucket, Key=key), world.raw.head_object(Bucket=bucket, Key=key)
        # What the tool stored is more than its content, and what Sealgate stored of that is more again.
        assert len(content) < seen["ContentLength"] < held["ContentLength"], (seen, held)
        assert set(held["Metadata"]) <= {"sealgate", "sealgate-m"}, held["Metadata"]

    everything = [*cases.COMMITTED, *cases.COMMITTED_SPLIT, *cases.BOUND, *cases.BOUND_SPLIT, *cases.FIRST, *cases.FIRST_SPLIT, *cases.AIOBOTO3,
                  *cases.S3_ENCRYPTION, *cases.IN_PARTS]
    for case in everything:
        tally.run(f"on top of Sealgate: {case.name}", carry, case)
