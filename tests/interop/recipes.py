"""Ways of encrypting that are not a package but twenty lines that people copied: written here as they are told, on boto3 and cryptography.

fileson is among them because no package index has it: its published file format is this small. Knows nothing of Sealgate.
"""
import base64
import hashlib
import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16


def fileson_key(password, salt, iterations=100_000):
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), iterations, 32)


def fileson(key, content):
    """What fileson's AESFile writes: the initial counter, then AES-CTR."""
    counter = os.urandom(BLOCK)
    encryptor = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
    return counter + encryptor.update(content) + encryptor.finalize()


def kms_cbc(kms, key, content, pad):
    """The recipe of a KMS data key and CBC: (body, metadata)."""
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    vector = os.urandom(BLOCK)
    encryptor = Cipher(algorithms.AES(made["Plaintext"]), modes.CBC(vector)).encryptor()
    return vector + encryptor.update(pad(content)) + encryptor.finalize(), {"encryption-key": base64.b64encode(made["CiphertextBlob"]).decode()}


def pad_as_published(content):
    """Two characters for each missing byte: only contents that fill their blocks come out whole, and get 32 characters more."""
    return content + b"/0" * (BLOCK - len(content) % BLOCK)


def pad_as_meant(content):
    return content + b"\0" * (BLOCK - len(content) % BLOCK)
