#!/usr/bin/env python3
"""Opens one object sealed in version 1 of the format, written from FORMAT.md alone and independent of the program.

Needs Python 3.9 or later and the package `cryptography`. Reads the whole object into memory; refuses by raising
Refused (the command exits with 1 and writes nothing). Objects of multipart uploads (l=m) need unseal_multipart.py
beside this file; it opens both kinds and takes the same arguments.

    unseal.py --key-file F --bucket B --name K --envelope "v=1;..." [--metadata M] < stored > plain
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
    if kind == 4:
        result = []
        for _ in range(length):
            value, at = read_cbor(data, at)
            result.append(value)
        return result, at
    if kind == 5:
        result, last = {}, b""
        for _ in range(length):
            start = at
            key, at = read_cbor(data, at)
            check(last < data[start:at] and isinstance(key, (int, str)), "CBOR keys not in order")
            last = data[start:at]
            result[key], at = read_cbor(data, at)
        return result, at
    check(at + length <= len(data), "CBOR ends early")
    value = data[at:at + length]
    try:
        return (value if kind == 2 else value.decode()), at + length
    except UnicodeDecodeError:
        raise Refused("CBOR text not UTF-8") from None


def read_key_file(contents):
    if len(contents) == 32:
        return contents
    lines = [line.strip() for line in contents.decode().splitlines()]
    line, = [line for line in lines if line and not line.startswith("#")]
    if re.fullmatch(r"[0-9A-Fa-f]{64}", line):
        return bytes.fromhex(line)
    return base64.b64decode(line.removeprefix("sealgate-key-1 ").strip(), validate=True)


def read_envelope(text, upload):
    check(text.startswith("v=1;"), "unknown version")
    fields = re.fullmatch(r"v=1;l=%s;b=([okn]);k=[A-Za-z0-9._-]{1,64};w=A256KW;e=([^;]*);c=([^;]*)" % upload, text)
    check(fields, "malformed envelope, an unknown way to wrap, or another kind of upload")
    mode, wrapped, commitment = fields[1], b64u(fields[2]), b64u(fields[3])
    check(len(wrapped) == 40 and len(commitment) == 32, "malformed envelope: wrong length")
    return mode, wrapped, commitment


def unwrap(key, mode, bucket, name, wrapped):
    check(len(key) == 32 and any(key), "a wrapping key is 32 bytes, not all zero")
    names = [bucket if mode == "o" else "", name if mode in "ok" else ""]
    context = b"".join(struct.pack(">H", len(n.encode())) + n.encode() for n in names)
    try:
        return keywrap.aes_key_unwrap(derive(key, b"", b"sealgate/1 wrap" + mode.encode() + context), wrapped)
    except keywrap.InvalidUnwrap:
        raise Refused("another wrapping key, another name, or a changed envelope") from None


def read_summary(key, summary, known):
    check(summary[-8:] == b"SEALGATE", "no summary")
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
    sealed = b64u(value)
    check(len(sealed) >= 28, "malformed metadata")
    plain = decrypt(key, sealed[:12], sealed[12:], b"sealgate/1 metadata", "the metadata")
    metadata, end = read_cbor(plain, 0)
    check(end == len(plain) and isinstance(metadata, dict), "malformed metadata")
    check(all(isinstance(text, str) for pair in metadata.items() for text in pair), "malformed metadata")
    return metadata


def crc(name, data):
    """A reflected CRC that begins and ends with all ones inverted, as all three of S3 do."""
    poly, width = CRCS[name]
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (poly if value & 1 else 0)
        table.append(value)
    value = (1 << width) - 1
    for byte in data:
        value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
    return (value ^ ((1 << width) - 1)).to_bytes(width // 8, "big")


def digest(name, data):
    return crc(name, data) if name in CRCS else SHAS[name](data).digest()


def check_checksums(facts, data_for):
    """Compares every checksum by a known name; `data_for` gives the bytes it was computed over."""
    for name in facts.get(5, {}).keys() & (CRCS.keys() | SHAS.keys()):
        check(facts[5][name] == digest(name, data_for(name)), f"the {name} is another")


def sealed_len(size):
    return size + TAG * -(-size // CHUNK)


def open_segment(data_key, salt, sealed, size, what):
    """The content of one segment: `size` bytes, from `sealed_len(size)` stored ones."""
    key, plain, count = derive(data_key, salt, b"sealgate/1 segment"), bytearray(), -(-size // CHUNK)
    for index in range(count):
        nonce = struct.pack(">IQ", index == count - 1, index)
        chunk = sealed[index * (CHUNK + TAG):(index + 1) * (CHUNK + TAG)]
        plain += decrypt(key, nonce, chunk, None, f"chunk {index} of {what}")
    return bytes(plain)


def unlock(key, bucket, name, envelope, sealed_metadata, upload):
    """The data key, once it has proven to be the one of this object, and the user metadata."""
    mode, wrapped, commitment = read_envelope(envelope, upload)
    data_key = unwrap(key, mode, bucket, name, wrapped)
    check(hmac.compare_digest(derive(data_key, b"", b"sealgate/1 commit"), commitment), "the data key is another")
    if sealed_metadata is None:
        return data_key, None
    return data_key, read_metadata(derive(data_key, b"", b"sealgate/1 metadata"), sealed_metadata)


def unseal(key, bucket, name, envelope, stored, sealed_metadata=None):
    """The content, the facts and the user metadata of a stored object, or Refused."""
    data_key, metadata = unlock(key, bucket, name, envelope, sealed_metadata, "p")
    check(len(stored) >= SUMMARY, "no room for a summary")
    facts, table = read_summary(derive(data_key, b"", b"sealgate/1 footer"), stored[-SUMMARY:], {1, 4, 5})
    size = facts[1]
    check(table == 64 * min(9999, size // PART), "the table has another length")
    check(len(stored) == sealed_len(size) + table + SUMMARY, "the object has another length")
    plain = open_segment(data_key, bytes(24), stored[:sealed_len(size)], size, "the object")
    check(facts.get(4) in (None, hashlib.md5(plain).digest()), "the MD5 is another")
    check_checksums(facts, lambda name: plain)
    return plain, facts, metadata


def main(unseal=unseal):
    parser = argparse.ArgumentParser(description="Opens one sealed object from standard input.")
    for name in ("key-file", "bucket", "name", "envelope"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--metadata", help="sealed user metadata; opened to standard error")
    options = parser.parse_args()
    with open(options.key_file, "rb") as file:
        key = read_key_file(file.read())
    try:
        plain, _, metadata = unseal(key, options.bucket, options.name, options.envelope,
                                    sys.stdin.buffer.read(), options.metadata)
    except Refused as refused:
        sys.exit(f"refused: {refused}")
    if metadata is not None:
        print(json.dumps(metadata, ensure_ascii=False), file=sys.stderr)
    sys.stdout.buffer.write(plain)


if __name__ == "__main__":
    main()
