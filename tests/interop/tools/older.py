"""s3-encryption 0.1.3: AES keys of 16, 24 and 32 bytes. With `sidecar`, as its README shows: a KMS data key, kept beside the object.

Runs with the packages of .ci/requirements-older.txt. The README leaves to the user how the key beside the object (`<key>.key`) is
written: here as KMS gave it, or with `sidecar` = "base64" as text.
"""
import base64

import boto3
from botocore.config import Config
from s3_encryption.client import S3EncryptionClient

from serve import endpoints, serve

STORE, KMS = endpoints()
S3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}), **STORE)


def kept_beside(request):
    """The data key whose wrapped form lies beside the object; made, and put there, when the object is written."""
    kms, there = boto3.client("kms", **KMS), {"Bucket": request["bucket"], "Key": request["key"] + ".key"}
    if request["do"] == "put":
        made = kms.generate_data_key(KeyId=request["master"]["kms"], KeySpec="AES_256")
        wrapped = made["CiphertextBlob"]
        S3.put_object(Body=base64.encodebytes(wrapped) if request["sidecar"] == "base64" else wrapped, **there)
        return made["Plaintext"]
    wrapped = S3.get_object(**there)["Body"].read()
    if request["sidecar"] == "base64":
        wrapped = base64.b64decode(wrapped)
    return kms.decrypt(CiphertextBlob=wrapped)["Plaintext"]


def client(request):
    key = kept_beside(request) if request.get("sidecar") else bytes.fromhex(request["master"]["aes"])
    return S3EncryptionClient(encryption_key=key, client=S3, materials_description=request.get("materials", {}))


def put(request):
    with open(request["file"], "rb") as body:
        client(request).put_object(Bucket=request["bucket"], Key=request["key"], Body=body.read())


def get(request):
    content = client(request).get_object(Bucket=request["bucket"], Key=request["key"])
    with open(request["file"], "wb") as file:
        file.write(content)


serve(put=put, get=get)
