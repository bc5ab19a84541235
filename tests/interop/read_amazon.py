"""What Amazon's encryption clients wrote to the store, of every generation, read by a plain client through Sealgate."""
import cases
import rclone_crypt
from content import noise
from reading import is_refused, reads_as
SIZES = {"": cases.SHORT, " empty": cases.EMPTY, " long": cases.LONG, " blocks": cases.BLOCK}


def run(tally, world):
    keys = {"old-aes": "aes", "old-aes-west": "aes-west", "old-rsa": "rsa"}
    daemon, plain = world.example("amazon-read.toml", {id: world.secrets[name] for id, name in keys.items()}, {"kms": world.kms_settings()})

    def written(bucket, case, name, content):
        request = case.request(world.masters)
        metadata = {"owner": "the tool"} if case.tool != "older" else {}
        world.tool(case.tool).put(bucket, name, content, metadata=metadata, **request)
        return metadata

    def read(bucket, case, label, size):
        name = f"d/{case.name}{label}"
        content = noise(name, size)
        reads_as(plain, bucket, name, content, written(bucket, case, name, content))

    def alone(bucket, case):
        """Under a rule that says that all is of one format, sizes in listings are arithmetic and everything else is refused."""
        read(bucket, case, "", cases.SHORT)

    def refused(bucket, case):
        name = f"refused/{case.name}"
        written(bucket, case, name, noise(name, cases.SHORT))
        is_refused(lambda: plain.get_object(Bucket=bucket, Key=name), "InvalidObjectState", "InternalError", "AccessDenied")
        is_refused(lambda: plain.get_object(Bucket=bucket, Key=name, Range="bytes=0-5"))

    def moved():
        """As the documentation says it: from the archive into a sealed bucket, by a client that knows nothing of either."""
        rclone, there = rclone_crypt.program(world.options.rclone, world.client_of(daemon)), world.bucket("new")
        rclone("sync", f"s:{archive}", f"s:{there}")
        rclone("check", "--download", f"s:{archive}", f"s:{there}")
        old, new = ({entry["Key"]: entry["Size"] for entry in plain.list_objects_v2(Bucket=bucket)["Contents"]} for bucket in (archive, there))
        assert old == new, (old, new)
        held = [world.raw.head_object(Bucket=there, Key=key)["Metadata"] for key in new]
        assert all(set(metadata) <= {"sealgate", "sealgate-m"} for metadata in held), held

    strict, archive, context = (world.bucket(name) for name in ("committed", "archive", "purpose"))
    plain_cases = [*cases.COMMITTED, *cases.COMMITTED_SPLIT, *cases.BOUND, *cases.BOUND_SPLIT, *cases.FIRST, *cases.FIRST_SPLIT]
    for case in plain_cases:
        where = context if "context" in case.more else archive
        for label, size in SIZES.items():
            tally.run(f"read: {case.name}{label}", read, where, case, label, size)
    for case in cases.IN_PARTS:
        tally.run(f"read: {case.name}", read, archive, case, "", 2 * cases.PARTS + 54321)
    for case in cases.COMMITTED:
        if "context" not in case.more:
            tally.run(f"read: {case.name} under a rule for format V3 alone", alone, strict, case)
    for case in [*cases.BOUND, *cases.FIRST]:
        if "context" not in case.more:
            tally.run(f"refused under a rule for format V3 alone: {case.name}", refused, strict, case)
    tally.run("read: everything moves to a sealed bucket", moved)
