"""Client-side encryption of aioboto3 (`aioboto3.s3.cse`): AES, RSA and KMS keys; with KMS both GCM and CBC content.

Runs with the packages of .ci/requirements-older.txt.
"""
import asyncio
import base64

from aioboto3.s3.cse import AsymmetricCryptoContext, KMSCryptoContext, S3CSE, SymmetricCryptoContext

from serve import endpoints, serve

STORE, KMS = endpoints()


def keys(request):
    """Made inside the running loop, which the contexts want to know."""
    master = request["master"]
    if "aes" in master:
        return SymmetricCryptoContext(bytes.fromhex(master["aes"]), loop=asyncio.get_running_loop())
    if "rsa" in master:
        private, public = base64.b64decode(master["rsa"]["pkcs8"]), base64.b64decode(master["rsa"]["spki"])
        return AsymmetricCryptoContext(AsymmetricCryptoContext.from_der_public_key(public), AsymmetricCryptoContext.from_der_private_key(private),
                                       loop=asyncio.get_running_loop())
    return KMSCryptoContext(master["kms"], KMS, authenticated_encryption=request.get("cipher", "gcm") == "gcm")


async def stored(request):
    with open(request["file"], "rb") as body:
        content = body.read()
    async with S3CSE(keys(request), STORE) as s3:
        await s3.put_object(Body=content, Bucket=request["bucket"], Key=request["key"], Metadata=dict(request.get("metadata", {})))


async def fetched(request):
    async with S3CSE(keys(request), STORE) as s3:
        answer = await s3.get_object(Bucket=request["bucket"], Key=request["key"])
        content = await answer["Body"].read()
    with open(request["file"], "wb") as file:
        file.write(content)


serve(put=lambda request: asyncio.run(stored(request)), get=lambda request: asyncio.run(fetched(request)))
