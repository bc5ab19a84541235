#!/usr/bin/env python3
"""Runs every test vector through the independent decryptor, then damages small objects in every possible place.

    test_vectors.py [directory of vectors]

The last line says how many checks passed and failed; the exit status is 1 when one failed.
"""
import base64
import hashlib
import hmac
import json
import pathlib
import struct
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import unseal
import unseal_multipart
import unseal_wraps  # adds the other ways to wrap

HERE = pathlib.Path(__file__).resolve().parent
CHUNK = 65536


class Checks:
    """Counts, and says what failed."""

    def __init__(self):
        self.passed = self.failed = 0

    def note(self, passed, what):
        if passed:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED:", what)


def pattern(length):
    return (bytes(range(251)) * (length // 251 + 1))[:length]


class Vectors:
    def __init__(self, directory):
        self.files = {path.stem: json.loads(path.read_text()) for path in sorted(directory.glob("*.json"))}

    def stored(self, name):
        vector = self.files[name]
        return b"".join(self.piece(vector, piece) for piece in vector["stored"])

    def piece(self, vector, piece):
        (kind, value), = piece.items()
        if kind == "base64":
            return base64.b64decode(value)
        if kind == "of":
            return self.stored(value["vector"])[value["from"]:value["to"]]
        if kind == "pattern":
            return pattern(value)
        if kind == "sealed_part":
            return sealed_segment(vector, bytes.fromhex(value["salt"]), pattern(value["to"])[value["from"]:])
        assert kind == "sealed_pattern", kind
        return sealed_segment(vector, bytes(24), pattern(value))

    def arguments(self, name):
        vector = self.files[name]
        return {"key": bytes.fromhex(vector["key"]), "bucket": vector["bucket"], "name": vector["name"],
                "envelope": vector["envelope"], "stored": self.stored(name),
                "sealed_metadata": vector.get("sealed_metadata")}


def sealed_segment(vector, salt, plain):
    """Seals chunks by the text of the format, since objects this long are not written down."""
    mode, unwrap, wrapped, _ = unseal.read_envelope(vector["envelope"], "[pm]")
    bound = unseal.context(mode, vector["bucket"], vector["name"])
    data_key = unwrap(bytes.fromhex(vector["key"]), bound, wrapped)
    cipher = AESGCM(unseal.derive(data_key, salt, b"sealgate/1 segment"))
    sealed = []
    for start in range(0, len(plain), CHUNK):
        nonce = struct.pack(">IQ", start + CHUNK >= len(plain), start // CHUNK)
        sealed.append(cipher.encrypt(nonce, plain[start:start + CHUNK], None))
    return b"".join(sealed)


def outcome(arguments):
    """What a reader gets: the content, facts and metadata, or the word refused."""
    try:
        return unseal_multipart.unseal(**arguments)
    except unseal.Refused:
        return "refused"


def run_vector(vectors, name, checks):
    vector, arguments = vectors.files[name], vectors.arguments(name)
    stored = arguments["stored"]
    checks.note(len(stored) == vector["stored_len"], f"{name}: stored length")
    checks.note(hashlib.sha256(stored).hexdigest() == vector["stored_sha256"], f"{name}: stored bytes")
    found = outcome(arguments)
    if "refused" in vector["expect"]:
        checks.note(found == "refused", f"{name}: opened, though {vector['rule']}")
    elif found == "refused":
        checks.note(False, f"{name}: refused, though {vector['rule']}")
    else:
        compare(vector["expect"]["opened"], found, name, checks)


def compare(expected, found, name, checks):
    plain, facts, metadata = found
    checks.note(len(plain) == expected["plain_len"] == facts[1], f"{name}: length")
    checks.note(hashlib.sha256(plain).hexdigest() == expected["plain_sha256"], f"{name}: content")
    if "plain" in expected:
        checks.note(plain.hex() == expected["plain"], f"{name}: content in hex")
    checks.note(metadata == expected.get("metadata"), f"{name}: metadata")
    checks.note(facts.get(4, b"").hex() == expected.get("md5", ""), f"{name}: MD5")
    known = {kind: value.hex() for kind, value in facts.get(5, {}).items() if kind in {**unseal.CRCS, **unseal.SHAS}}
    checks.note(known == expected["checksums"], f"{name}: checksums")
    checks.note((6 in facts) == expected.get("composite", False), f"{name}: checksum type")
    checks.note(facts.get("parts", []) == expected.get("parts", []), f"{name}: parts")


def bits(data):
    """Every copy of `data` with one bit flipped."""
    for at in range(len(data)):
        for bit in range(8):
            yield data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1:]


def b64u(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def damaged(arguments):
    """Everything the storage side, or a wrong key, could do to one object."""
    stored, envelope = arguments["stored"], arguments["envelope"]
    for changed in bits(stored):
        yield "a bit of the stored bytes", {"stored": changed}
    for field in ("e", "c"):
        start, _, rest = envelope.partition(f";{field}=")
        value, mark, end = rest.partition(";")
        for changed in bits(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))):
            yield f"a bit of {field}", {"envelope": f"{start};{field}={b64u(changed)}{mark}{end}"}
    for end in range(len(stored)):
        yield f"cut to {end} bytes", {"stored": stored[:end]}
        yield f"the first {end + 1} bytes missing", {"stored": stored[end + 1:]}
    for more in (b"\0", b"E", stored[-256:], stored):
        yield f"{len(more)} bytes appended", {"stored": stored + more}
        yield f"{len(more)} bytes in front", {"stored": more + stored}
    for key in bits(arguments["key"]):
        yield "another key", {"key": key}
    yield "the all-zero key", {"key": bytes(32)}
    yield "another name", {"name": arguments["name"] + "x"}
    yield "another bucket", {"bucket": arguments["bucket"] + "x"}
    yield "no name", {"name": "", "bucket": ""}
    for at, character in enumerate(envelope):
        yield f"the envelope without {character} at {at}", {"envelope": envelope[:at] + envelope[at + 1:]}
    metadata = arguments["sealed_metadata"] or ""
    for changed in bits(base64.urlsafe_b64decode(metadata + "=" * (-len(metadata) % 4))):
        yield "a bit of the metadata", {"sealed_metadata": b64u(changed)}


def run_damage(vectors, name, checks):
    arguments = vectors.arguments(name)
    checks.note(outcome(arguments) != "refused", f"{name}: the object itself")
    for what, change in damaged(arguments):
        # A dropped key id character leaves another valid id, which only names a key and opens nothing by itself.
        if "k=" in change.get("envelope", "") and ";k=main;" not in change["envelope"]:
            continue
        checks.note(outcome({**arguments, **change}) == "refused", f"{name}: opened with {what}")


def check_value(key):
    """By what a key is recognised (FORMAT.md, section 13.1)."""
    if key["kind"] == "aes":
        secret = bytes.fromhex(key["key"])
    elif key["kind"] == "passphrase":
        secret = unseal_wraps.passphrase_key(key["words"].encode(), key["argon2"])
    else:
        secret = base64.b64decode(key["public"])
    return hmac.new(secret, b"sealgate/key-check/v1", hashlib.sha256).hexdigest()[:16]


def run_check_values(file, checks):
    keys = json.loads(file.read_text())["keys"]
    checks.note(len(keys) == 6, f"too few keys in {file}")
    for key in keys:
        checks.note(check_value(key) == key["check"], f"{file.name}: {key['kind']} {key['check']}")


def main():
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "vectors" / "sealed"
    vectors, checks = Vectors(directory), Checks()
    checks.note(len(vectors.files) > 50, f"too few vectors in {directory}")
    for name in vectors.files:
        run_vector(vectors, name, checks)
    run_damage(vectors, "metadata", checks)
    run_damage(vectors, "parts-metadata", checks)
    run_check_values(directory.parent / "key-checks.json", checks)
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
