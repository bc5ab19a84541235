#!/usr/bin/env python3
"""The same for objects whose data key is not wrapped by an AES key at hand, written from FORMAT.md as well.

Keys that a service keeps (w=AWS-KMS, w=VAULT-TRANSIT): ask it to decrypt what --show prints, with the encryption
context that it prints too, and put the 32 bytes that it answers into the key file.

    unseal_wraps.py --show --bucket B --envelope "v=1;..." [--context NAME=VALUE ...]
    unseal_wraps.py --key-file F --bucket B --name K --envelope "v=1;..." [--metadata M] < stored > plain
"""
import argparse
import base64
import json
import struct
import sys

import unseal
import unseal_multipart
from unseal import check

BLOB = 1024


def split_service(wrapped):
    """What the service wrapped, and the data key under that."""
    length = struct.unpack(">H", wrapped[:2])[0]
    blob, inner = wrapped[2:2 + length], wrapped[2 + length:]
    check(0 < length <= BLOB and len(inner) == 40, "malformed wrap of a service")
    return blob, inner


def unwrap_service(key, bound, wrapped):
    """`key` is what the service decrypts the blob to."""
    return unseal.unwrap_a256kw(key, bound, split_service(wrapped)[1])


def service_context(mode, bucket, pairs):
    return {"sealgate:format": "1", **({"sealgate:bucket": bucket} if mode == "o" else {}), **pairs}


def transit_context(pairs):
    """The same as the transit engine of Vault takes it."""
    texts = [text.encode() for pair in sorted(pairs.items(), key=lambda pair: pair[0].encode()) for text in pair]
    return base64.b64encode(b"".join(struct.pack(">H", len(text)) + text for text in texts)).decode()


unseal.WRAPS["AWS-KMS"] = unseal.WRAPS["VAULT-TRANSIT"] = (unwrap_service, range(2 + 1 + 40, 2 + BLOB + 40 + 1))


def show():
    parser = argparse.ArgumentParser(description="Prints what to ask the service that keeps the key.")
    parser.add_argument("--show", action="store_true", required=True)
    parser.add_argument("--bucket", default="")
    parser.add_argument("--envelope", required=True)
    parser.add_argument("--context", action="append", default=[], metavar="NAME=VALUE", help="pairs that are configured")
    args = parser.parse_args()
    mode, _, wrapped, _ = unseal.read_envelope(args.envelope, "[pm]")
    pairs = service_context(mode, args.bucket, dict(pair.split("=", 1) for pair in args.context))
    blob = split_service(wrapped)[0]
    if ";w=VAULT-TRANSIT;" in args.envelope:
        print(json.dumps({"ciphertext": blob.decode(), "context": transit_context(pairs)}))
    else:
        print(json.dumps({"CiphertextBlob": base64.b64encode(blob).decode(), "EncryptionContext": pairs}))


if __name__ == "__main__":
    show() if "--show" in sys.argv else unseal.main(unseal_multipart.unseal)
