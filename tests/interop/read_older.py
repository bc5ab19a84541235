"""What the older tools wrote to the store, read by a plain client through Sealgate, each under the rule that its example shows."""
import hashlib
import os

import cases
import recipes
from content import noise
from openpgp import Gpg
from rclone_crypt import Crypt
from reading import reads_as

SIZES = {"": cases.SHORT, " empty": cases.EMPTY, " long": cases.LONG, " blocks": cases.BLOCK}
CHUNK = 65536


def run(tally, world):
    for part in (aioboto3, s3_encryption, side_car, fileson, kms_cbc, gpg, rclone_crypt):
        world.attend(tally, f"read: {part.__name__}", part, tally, world)


def carried(tally, world, plain, bucket, tool, those):
    """Each case in each size, written by its tool and read as plain."""
    def carry(case, label, size):
        name, request = f"d/{case.name}{label}", case.request(world.masters)
        content, metadata = noise(name, size), {"owner": "the tool"} if case.tool == "aio" else {}
        tool.put(bucket, name, content, metadata=metadata, **request)
        reads_as(plain, bucket, name, content, metadata)
    for case in those:
        for label, size in SIZES.items():
            tally.run(f"read: {case.name}{label}", carry, case, label, size)


def aioboto3(tally, world):
    secrets = {"old-aes": world.secrets["aes"], "old-rsa": world.secrets["rsa"]}
    _, plain = world.example("aioboto3.toml", secrets, {"kms": world.kms_settings()})
    carried(tally, world, plain, world.bucket("media"), world.tool("aio"), cases.AIOBOTO3)


def s3_encryption(tally, world):
    for kind in ("aes", "aes-24", "aes-16"):
        _, plain = world.example("s3-encryption.toml", {"old": world.secrets[kind]}, label=f"s3-encryption {kind}")
        carried(tally, world, plain, world.bucket("exports"), world.tool("older"), [case for case in cases.S3_ENCRYPTION if case.kind == kind])


def side_car(tally, world):
    _, plain = world.example("key-sidecar.toml", {}, {"kms": world.kms_settings()})
    bucket, tool = world.bucket("exports"), world.tool("older")

    def carry(name, form, size):
        content = noise(name, size)
        tool.put(bucket, name, content, master=world.masters["kms"], sidecar=form)
        reads_as(plain, bucket, name, content)
    for form in ("raw", "base64"):
        for label, size in SIZES.items():
            tally.run(f"read: key beside the object, {form}{label}", carry, f"{form}{label}", form, size)


def fileson(tally, world):
    for kind, secrets in (("password", {"old": {"secret": "a password of the test"}}), ("key file", {"old-key": world.secrets["aes"]})):
        _, plain = world.example("fileson.toml", {"old": {"secret": "a password of the test"}, "old-key": world.secrets["aes"]}, label=f"fileson {kind}")
        key = recipes.fileson_key("a password of the test", "salt") if kind == "password" else bytes.fromhex(world.masters["aes"]["aes"])
        bucket = world.bucket("fileson" if kind == "password" else "fileson-key")

        def carry(name, size, key=key, bucket=bucket, plain=plain):
            content = noise(name, size)
            world.raw.put_object(Bucket=bucket, Key=name, Body=recipes.fileson(key, content))
            reads_as(plain, bucket, name, content)
        for label, size in SIZES.items():
            tally.run(f"read: fileson with a {kind}{label}", carry, f"{kind}{label}", size)


def kms_cbc(tally, world):
    _, plain = world.example("kms-cbc.toml", {}, {"kms": world.kms_settings()})
    bucket = world.bucket("backups")

    def carry(name, size, pad):
        content = noise(name, size)
        body, metadata = recipes.kms_cbc(world.kms, world.arn, content, pad)
        world.raw.put_object(Bucket=bucket, Key=name, Body=body, Metadata={**metadata, "owner": "the script"})
        reads_as(plain, bucket, name, content, {"owner": "the script"})
    for label, size in SIZES.items():
        tally.run(f"read: KMS and CBC{label}", carry, f"meant{label}", size, recipes.pad_as_meant)
        if size % 16 == 0:
            tally.run(f"read: KMS and CBC as published{label}", carry, f"published{label}", size, recipes.pad_as_published)


def gpg(tally, world):
    tool = Gpg(world.folder / "gpg")
    world.ends.callback(tool.close)
    people = {"rsa@example.org": (["rsa2048"], "encr"), "ecc@example.org": (["future-default"], "default")}
    secret = {name: tool.recipient(name, *how) for name, how in people.items()}
    for name in people:
        secrets = {"old-passphrase": {"passphrase": tool.passphrase}, "old-key": {"secret": secret[name], "passphrase": tool.passphrase}}
        _, plain = world.example("gpg.toml", secrets, label=f"gpg {name}")
        bucket = world.bucket("letters")
        messages = {
            "for a recipient": lambda content, name=name: tool.encrypted_for(name, content),
            "for a recipient, armored": lambda content, name=name: tool.encrypted_for(name, content, "--armor"),
            "with a passphrase": tool.symmetric,
            "with a passphrase, not compressed": lambda content: tool.symmetric(content, "--compress-algo", "none"),
        }

        def carry(key, size, make, bucket=bucket, plain=plain):
            content = noise(key, size)
            metadata = {"md5sum": hashlib.md5(content).hexdigest(), "owner": "the script"}
            world.raw.put_object(Bucket=bucket, Key=key, Body=make(content), Metadata=metadata)
            reads_as(plain, bucket, key, content, {"owner": "the script"})
        for how, make in messages.items():
            for label, size in SIZES.items():
                tally.run(f"read: gpg {name.split('@')[0]} {how}{label}", carry, f"{how}{label}", size, make)


def rclone_crypt(tally, world):
    for kind, password2 in (("one password", None), ("two passwords", "a second one of the test")):
        password, bucket = "a password of the test, größer", world.bucket("crypt" if password2 is None else "crypt2")
        remote = Crypt(world.options.rclone, world.store, bucket, password, password2)
        secrets = {"old": {"secret": password}, "old-two": {"secret": password, "password2": password2 or os.urandom(9).hex()}}
        _, plain = world.example("rclone-crypt.toml", secrets, label=f"rclone crypt with {kind}")

        def carry(name, size, remote=remote, bucket=bucket, plain=plain):
            content = noise(name, size)
            remote.put(name, content)
            reads_as(plain, bucket, name, content, metadata_of(world, bucket, name))
        for label, size in {**SIZES, " chunks": 3 * CHUNK, " chunk and one": CHUNK + 1}.items():
            tally.run(f"read: rclone crypt with {kind}{label}", carry, f"d/{kind}{label}", size)


def metadata_of(world, bucket, key):
    """What rclone itself leaves on an object (the time of the file) is the user's."""
    return world.raw.head_object(Bucket=bucket, Key=key)["Metadata"]
