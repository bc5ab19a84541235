#!/usr/bin/env python3
"""Opens one object sealed in version 1 of the format, written from FORMAT.md alone and independent of the program.

Needs Python 3.9 or later and the package `cryptography`. Reads the whole object into memory; exits with 1 and writes
nothing when it refuses. For multipart uploads (l=m) there is unseal_multipart.py, which takes the same arguments.

    unseal.py --key-file F --bucket B --name K --envelope "v=1;..." [--metadata=M] < stored > plain
"""
import argparse
import base64
import hashlib
import hmac
import json
import re
import struct
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK, TAG, SUMMARY, PART = 65536, 16, 256, 5242880
CRCS = {"CRC32": (0xEDB88320, 32), "CRC32C": (0x82F63B78, 32), "CRC64NVME": (0x9A6C9329AC4BC9B5, 64)}
SHAS = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256}


class Refused(Exception):
    """The object is not authentic, or not what the format allows."""


def check(condition, problem):
    if not condition:
        raise Refused(problem)


def derive(ikm, salt, info):
    return HKDF(hashes.SHA512(), 32, salt, info).derive(ikm)


def b64u(text):
    check(re.fullmatch(r"[A-Za-z0-9_-]*", text), "not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) % 4 != 1 else b""
    check(base64.urlsafe_b64encode(data).decode().rstrip("=") == text, "not canonical base64url")
    return data


def decrypt(key, nonce, data, aad, what):
    try:
        return AESGCM(key).decrypt(nonce, data, aad)
    except (InvalidTag, ValueError):
        raise Refused(f"{what} is not authentic") from None


def read_cbor(data, at):
    """The value at `at` and where it ends: integers, bytes, texts, arrays and maps in deterministic CBOR."""
    check(at < len(data), "CBOR ends early")
    kind, length, at = data[at] >> 5, data[at] & 31, at + 1
    check(kind in (0, 2, 3, 4, 5) and length < 28, "unexpected CBOR")
    if length >= 24:
        size = 1 << (length - 24)
        check(at + size <= len(data), "CBOR ends early")
        length, at = int.from_bytes(data[at:at + size], "big"), at + size
        check(length >= (24 if size == 1 else 1 << (4 * size)), "CBOR number not in its shortest form")
    if kind == 0:
        return length, at
    if kind in (4, 5):
        values, ends = [], [at]
        for _ in range(length if kind == 4 else 2 * length):
            value, at = read_cbor(data, at)
            values, ends = values + [value], ends + [at]
        keys = [data[start:end] for start, end in zip(ends[:-1:2], ends[1::2])]
        sound = keys == sorted(set(keys)) and all(isinstance(key, (int, str)) for key in values[::2])
        check(kind == 4 or sound, "CBOR keys not in order")
        return (values if kind == 4 else dict(zip(values[::2], values[1::2]))), at
    check(at + length <= len(data), "CBOR ends early")
    value, text = data[at:at + length], data[at:at + length].decode(errors="replace")
    check(kind == 2 or text.encode() == value, "CBOR text not UTF-8")
    return (value if kind == 2 else text), at + length


def read_key_file(contents):
    if len(contents) == 32 and not re.fullmatch(rb"[0-9A-Fa-f]+", contents):
        return contents
    line, = [line.strip() for line in contents.decode().splitlines() if not re.match(r"\s*(#|$)", line)]
    if re.fullmatch(r"[0-9A-Fa-f]{64}", line):
        return bytes.fromhex(line)
    return base64.b64decode(line.removeprefix("sealgate-key-1 ").strip(), validate=True)


def read_envelope(text, upload):
    fields = re.fullmatch(r"v=1;l=%s;b=([okn]);k=[A-Za-z0-9._-]{1,64};w=([^;]*);e=([^;]*);c=([^;]*)" % upload, text)
    check(fields, "malformed envelope, an unknown version, or another kind of upload")
    check(fields[2] in WRAPS, "an unknown way to wrap; unseal_wraps.py knows more")
    mode, (unwrap, lengths), wrapped, commitment = fields[1], WRAPS[fields[2]], b64u(fields[3]), b64u(fields[4])
    check(len(wrapped) in lengths and len(commitment) == 32, "malformed envelope: wrong length")
    return mode, unwrap, wrapped, commitment


def context(mode, bucket, name):
    names = [bucket if mode == "o" else "", name if mode in "ok" else ""]
    return mode.encode() + b"".join(struct.pack(">H", len(n.encode())) + n.encode() for n in names)


def unwrap_a256kw(key, bound, wrapped):
    check(len(key) == 32 and any(key), "a wrapping key is 32 bytes, not all zero")
    try:
        return keywrap.aes_key_unwrap(derive(key, b"", b"sealgate/1 wrap" + bound), wrapped)
    except keywrap.InvalidUnwrap:
        raise Refused("another wrapping key, another name, or a changed envelope") from None


WRAPS = {"A256KW": (unwrap_a256kw, {40})}  # by its name: how to unwrap, and lengths of what is wrapped


def read_summary(key, summary, known):
    check(len(summary) == SUMMARY and summary[-8:] == b"SEALGATE", "no summary")
    plain = decrypt(key, summary[:12], summary[12:-16], b"sealgate/1 summary", "the summary")
    facts, end = read_cbor(plain, 0)
    check(not any(plain[end:]), "padding is not zero")
    check(isinstance(facts, dict) and isinstance(facts.get(1), int), "no length in the summary")
    check(facts.keys() <= known, "a fact that this kind of upload does not have")
    check(4 not in facts or (isinstance(facts[4], bytes) and len(facts[4]) == 16), "an MD5 has 16 bytes")
    sums = facts.get(5, {"": b""})
    check(isinstance(sums, dict) and sums, "malformed checksums")
    check(all(isinstance(k, str) and isinstance(v, bytes) for k, v in sums.items()), "malformed checksums")
    return facts, int.from_bytes(summary[-16:-8], "big")


def read_metadata(key, value):
    plain = decrypt(key, b64u(value)[:12], b64u(value)[12:], b"sealgate/1 metadata", "the metadata")
    metadata, end = read_cbor(plain, 0)
    check(end == len(plain) and isinstance(metadata, dict), "malformed metadata")
    check(all(isinstance(text, str) for pair in metadata.items() for text in pair), "malformed metadata")
    return metadata


def digest(name, data):
    """A hash, or a reflected CRC that begins and ends with all ones inverted, as all three of S3 do."""
    if name in SHAS:
        return SHAS[name](data).digest()
    (poly, width), table = CRCS[name], list(range(256))
    for _ in range(8):
        table = [(value >> 1) ^ (poly if value & 1 else 0) for value in table]
    value = (1 << width) - 1
    for byte in data:
        value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
    return (value ^ ((1 << width) - 1)).to_bytes(width // 8, "big")


def check_checksums(facts, data_for):
    """Compares every checksum by a known name; `data_for` gives the bytes it was computed over."""
    for name in facts.get(5, {}).keys() & (CRCS.keys() | SHAS.keys()):
        check(facts[5][name] == digest(name, data_for(name)), f"the {name} is another")


def open_segment(data_key, salt, stored, start, size):
    """The `size` bytes of content in the segment stored from `start` on, and where it ends."""
    key, plain, count = derive(data_key, salt, b"sealgate/1 segment"), bytearray(), -(-size // CHUNK)
    for index in range(count):
        nonce, length = struct.pack(">IQ", index == count - 1, index), min(CHUNK, size - CHUNK * index) + TAG
        plain += decrypt(key, nonce, stored[start:start + length], None, f"the chunk at {start}")
        start += length
    return bytes(plain), start


def unlock(key, bucket, name, envelope, sealed_metadata, upload):
    """The data key, once it has proven to be the one of this object, and the user metadata."""
    mode, unwrap, wrapped, commitment = read_envelope(envelope, upload)
    data_key = unwrap(key, context(mode, bucket, name), wrapped)
    check(hmac.compare_digest(derive(data_key, b"", b"sealgate/1 commit"), commitment), "the data key is another")
    metadata_key = derive(data_key, b"", b"sealgate/1 metadata")
    return data_key, None if sealed_metadata is None else read_metadata(metadata_key, sealed_metadata)


def unseal(key, bucket, name, envelope, stored, sealed_metadata=None):
    """The content, the facts and the user metadata of a stored object, or Refused."""
    data_key, metadata = unlock(key, bucket, name, envelope, sealed_metadata, "p")
    facts, table = read_summary(derive(data_key, b"", b"sealgate/1 footer"), stored[-SUMMARY:], {1, 4, 5})
    size = facts[1]
    check(table == 64 * min(9999, size // PART), "the table has another length")
    plain, end = open_segment(data_key, bytes(24), stored, 0, size)
    check(len(stored) == end + table + SUMMARY, "the object has another length")
    check(facts.get(4) in (None, hashlib.md5(plain).digest()), "the MD5 is another")
    check_checksums(facts, lambda name: plain)
    return plain, facts, metadata


def main(unseal=unseal):
    parser = argparse.ArgumentParser(description="Opens one sealed object from standard input.")
    for name in ("key-file", "bucket", "name", "envelope"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--metadata", help="sealed user metadata; opened to standard error")
    args = parser.parse_args()
    with open(args.key_file, "rb") as file:
        key = read_key_file(file.read())
    try:
        plain, _, metadata = unseal(key, args.bucket, args.name, args.envelope, sys.stdin.buffer.read(), args.metadata)
    except Refused as refused:
        sys.exit(f"refused: {refused}")
    if metadata is not None:
        print(json.dumps(metadata, ensure_ascii=False), file=sys.stderr)
    sys.stdout.buffer.write(plain)


if __name__ == "__main__":
    main()
