#!/usr/bin/env python3
"""The same for objects whose data key is not wrapped by an AES key at hand, written from FORMAT.md as well.

RSA and X25519 keys (w=RSA-OAEP-256, w=HPKE-X25519-A256GCM): the key file is the private key in PEM, without passphrase.

Passphrases (w=A256KW): the key file holds the words, --argon2 the parameters from the configuration.

Keys that a service keeps (w=AWS-KMS, w=VAULT-TRANSIT): ask it to decrypt what --show prints, with the encryption
context that it prints too, and put the 32 bytes that it answers into the key file.

    unseal_wraps.py --show --bucket B --envelope "v=1;..." [--context NAME=VALUE ...]
    unseal_wraps.py --key-file F [--argon2 '$argon2id$...'] --bucket B --name K --envelope "v=1;..." [--metadata=M] < stored > plain
"""
import argparse
import base64
import hashlib
import json
import struct
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, x25519
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.hmac import HMAC

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


def private_key(key):
    """From PEM, or from DER as in the vectors."""
    load = serialization.load_pem_private_key if key.startswith(b"-----") else serialization.load_der_private_key
    try:
        return load(key, None)
    except (ValueError, TypeError) as error:
        raise unseal.Refused(f"no private key: {error}") from None


def unwrap_rsa(key, bound, wrapped):
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), hashlib.sha256(bound).digest())
    try:
        data_key = private_key(key).decrypt(wrapped, oaep)
    except (ValueError, AttributeError):
        raise unseal.Refused("another key, another name, or a changed envelope") from None
    check(len(data_key) == 32, "a data key has 32 bytes")
    return data_key


# HPKE, RFC 9180: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM
KEM, SUITE = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"


def labeled_extract(suite, salt, label, ikm):
    mac = HMAC(salt or bytes(32), hashes.SHA256())
    mac.update(b"HPKE-v1" + suite + label + ikm)
    return mac.finalize()


def labeled_expand(suite, prk, label, info, length):
    info = struct.pack(">H", length) + b"HPKE-v1" + suite + label + info
    return HKDFExpand(hashes.SHA256(), length, info).derive(prk)


def unwrap_hpke(key, bound, wrapped):
    secret, encapsulated = private_key(key), wrapped[:32]
    check(isinstance(secret, x25519.X25519PrivateKey), "no X25519 key")
    try:
        shared = secret.exchange(x25519.X25519PublicKey.from_public_bytes(encapsulated))
    except ValueError:
        raise unseal.Refused("not an encapsulated key") from None
    kem_context = encapsulated + secret.public_key().public_bytes_raw()
    shared = labeled_expand(KEM, labeled_extract(KEM, b"", b"eae_prk", shared), b"shared_secret", kem_context, 32)
    info = labeled_extract(SUITE, b"", b"info_hash", b"sealgate/1 wrap")
    schedule = b"\x00" + labeled_extract(SUITE, b"", b"psk_id_hash", b"") + info
    secret = labeled_extract(SUITE, shared, b"secret", b"")
    nonce = labeled_expand(SUITE, secret, b"base_nonce", schedule, 12)
    return unseal.decrypt(labeled_expand(SUITE, secret, b"key", schedule, 32), nonce, wrapped[32:], bound, "the wrap")


def passphrase_key(words, parameters):
    """`parameters` is $argon2id$v=19$m=...,t=...,p=...$salt"""
    _, kind, version, costs, salt = parameters.split("$")
    check((kind, version) == ("argon2id", "v=19"), "not Argon2id")
    costs = {name: int(value) for name, value in (cost.split("=") for cost in costs.split(","))}
    salt = base64.b64decode(salt + "=" * (-len(salt) % 4))
    kdf = Argon2id(salt=salt, length=32, iterations=costs["t"], lanes=costs["p"], memory_cost=costs["m"])
    return kdf.derive(words.strip())


def read_key_file(contents, parameters=None):
    if parameters:
        return passphrase_key(contents, parameters)
    return contents if contents.startswith(b"-----") else read_aes_key_file(contents)


read_aes_key_file = unseal.read_key_file
unseal.WRAPS["RSA-OAEP-256"] = (unwrap_rsa, range(256, 1025))
unseal.WRAPS["HPKE-X25519-A256GCM"] = (unwrap_hpke, {80})


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


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--argon2")
    own, rest = parser.parse_known_args()
    unseal.read_key_file = lambda contents: read_key_file(contents, own.argon2)
    sys.argv[1:] = rest
    unseal.main(unseal_multipart.unseal)


if __name__ == "__main__":
    show() if "--show" in sys.argv else main()
