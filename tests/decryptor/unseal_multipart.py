#!/usr/bin/env python3
"""Opens one sealed object of either kind of upload, written from FORMAT.md alone and independent of the program.

Builds on unseal.py and takes the same arguments. What is here is what only multipart uploads (l=m) have: segments with
salts of their own, the table that lists them, and lengths that say nothing.
"""
import hashlib

import unseal as single
from unseal import CHUNK, PART, SUMMARY, TAG, check, decrypt, derive, digest

ENTRY, FRAME, PARTS = 32, 28, 10000


def has_solution(length):
    """Whether an object of one request is stored in this many bytes."""
    body = length - SUMMARY
    parts = min(body // 5244224, 9999)
    chunks, rest = divmod(body - parts * 5244224, CHUNK + TAG)
    return (rest == 0 or rest > TAG) and (parts == 9999 or CHUNK * chunks + max(0, rest - TAG) < PART)


def check_facts(facts):
    """What the facts of a multipart upload must be; gives the last segment and how many are in the table."""
    last, count = facts.get(2), facts.get(3, 0)
    check(isinstance(last, list) and [type(value) for value in last] == [int, int, bytes], "malformed last segment")
    check(type(count) is int and (3 in facts) == (0 < count < PARTS), "malformed number of segments")
    check(6 not in facts or (facts[6] == "COMPOSITE" and 5 in facts), "malformed checksum type")
    return tuple(last), count


def read_entries(key, table, count):
    entries = decrypt(key, table[:12], table[12:], b"sealgate/1 table", "the table")
    check(not any(entries[ENTRY * count:]), "padding is not zero")
    rows = [entries[at:at + ENTRY] for at in range(0, ENTRY * count, ENTRY)]
    return [(int.from_bytes(row[:2], "big"), int.from_bytes(row[2:8], "big"), row[8:]) for row in rows]


def read_segments(key, facts, before_summary, table_len):
    """All segments as (part number, length, salt), checked against each other and against the length of the table."""
    last, count = check_facts(facts)
    usual = 64 * min(9999, facts[1] // PART)
    needed = max(usual, FRAME + ENTRY * count if count else 0)
    check(needed <= table_len <= len(before_summary), "the table has another length")
    table = before_summary[len(before_summary) - table_len:][:needed]
    segments = (read_entries(key, table, count) if count else []) + [last]
    numbers = [0] + [number for number, _, _ in segments]
    check(all(a < b for a, b in zip(numbers, numbers[1:])) and numbers[-1] <= PARTS, "part numbers do not rise")
    check(all(len(salt) == 24 for _, _, salt in segments), "a salt has 24 bytes")
    check(sum(size for _, size, _ in segments) == facts[1], "the segments are not as long as the object")
    body = sum(size + TAG * -(-size // CHUNK) for _, size, _ in segments)
    if needed > usual or any(size % CHUNK for _, size, _ in segments[:-1]):
        # Irregular: lengthened by as little as leaves a stored length without solution.
        needed += next(more for more in range(1, 65553) if not has_solution(body + needed + more + SUMMARY))
    check(table_len == needed, "the table has another length")
    check(len(before_summary) == body + table_len, "the object has another length")
    return segments


def check_digests(facts, parts):
    md5s = b"".join(hashlib.md5(part).digest() for part in parts)
    check(facts.get(4) in (None, hashlib.md5(md5s).digest()), "the MD5 is another")
    plain = b"".join(parts)

    def data_for(name):
        return b"".join(digest(name, part) for part in parts) if 6 in facts else plain
    single.check_checksums(facts, data_for)


def unseal(key, bucket, name, envelope, stored, sealed_metadata=None):
    """The content, the facts and the user metadata of a stored object, or Refused."""
    if not envelope.startswith("v=1;l=m;"):
        return single.unseal(key, bucket, name, envelope, stored, sealed_metadata)
    data_key, metadata = single.unlock(key, bucket, name, envelope, sealed_metadata, "m")
    footer_key = derive(data_key, b"", b"sealgate/1 footer")
    facts, table_len = single.read_summary(footer_key, stored[-SUMMARY:], {1, 2, 3, 4, 5, 6})
    segments = read_segments(footer_key, facts, stored[:-SUMMARY], table_len)
    start, parts = 0, []
    for _, size, salt in segments:
        part, start = single.open_segment(data_key, salt, stored, start, size)
        parts.append(part)
    check_digests(facts, parts)
    facts["parts"] = [[number, size] for number, size, _ in segments]
    return b"".join(parts), facts, metadata


if __name__ == "__main__":
    single.main(unseal)
