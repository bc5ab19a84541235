"""The Amazon S3 Encryption Client for Python: KMS keys, formats V2 and V3, whole and in parts, instruction files.

Runs with the packages of .ci/requirements-amazon.txt. `get` demands what the format promises: commitment for V3.
"""
import boto3
from botocore.config import Config
from s3_encryption import S3EncryptionClient, S3EncryptionClientConfig
from s3_encryption.materials.kms_keyring import KmsKeyring
from s3_encryption.materials.materials import AlgorithmSuite, CommitmentPolicy

from serve import endpoints, serve

STORE, KMS = endpoints()
PATHS = Config(s3={"addressing_style": "path"})
FORMATS = {
    "v2": (AlgorithmSuite.ALG_AES_256_GCM_IV12_TAG16_NO_KDF, CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT),
    "v3": (AlgorithmSuite.ALG_AES_256_GCM_HKDF_SHA512_COMMIT_KEY, CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT),
}


def client(request):
    suite, policy = FORMATS[request["format"]]
    keyring = KmsKeyring(boto3.client("kms", **KMS), request["master"]["kms"], enable_legacy_wrapping_algorithms=request.get("legacy", False))
    return S3EncryptionClient(boto3.client("s3", config=PATHS, **STORE), S3EncryptionClientConfig(
        keyring=keyring, encryption_algorithm=suite, commitment_policy=policy, enable_legacy_unauthenticated_modes=request.get("legacy", False)))


def context(request):
    return {"EncryptionContext": request["context"]} if request.get("context") else {}


def put(request):
    there = {"Bucket": request["bucket"], "Key": request["key"]}
    if not request.get("parts"):
        with open(request["file"], "rb") as body:
            client(request).put_object(Body=body.read(), Metadata=request.get("metadata", {}), **there, **context(request))
        return
    s3, parts = client(request), []
    upload = s3.create_multipart_upload(Metadata=request.get("metadata", {}), **there, **context(request))["UploadId"]
    with open(request["file"], "rb") as body:
        piece = body.read(request["parts"])
        while piece:
            following = body.read(request["parts"])
            answer = s3.upload_part(UploadId=upload, PartNumber=len(parts) + 1, Body=piece, IsLastPart=not following, **there)
            parts.append({"PartNumber": len(parts) + 1, "ETag": answer["ETag"]})
            piece = following
    s3.complete_multipart_upload(UploadId=upload, MultipartUpload={"Parts": parts}, **there)


def get(request):
    suffix = {"InstructionFileSuffix": request["suffix"]} if request.get("suffix") else {}
    answer = client(request).get_object(Bucket=request["bucket"], Key=request["key"], **suffix, **context(request))
    with open(request["file"], "wb") as file:
        file.write(answer["Body"].read())


serve(put=put, get=get)
