"""What the tools can write: one row for each kind of object that is told apart by its envelope. Knows the tools' requests, not Sealgate."""
import dataclasses

MIB = 1 << 20
EMPTY, SHORT, BLOCK, LONG = 0, 1000, 4096, MIB + 7
PARTS = 5 * MIB


@dataclasses.dataclass(frozen=True)
class Case:
    """An object that `tool` writes as `format` says, with a master key of this kind; `more` goes with the request, both ways."""
    name: str
    tool: str
    kind: str
    format: str
    more: dict = dataclasses.field(default_factory=dict)

    def request(self, masters):
        return {"master": masters[self.kind], "format": self.format, **self.more}


CONTEXT = {"context": {"purpose": "interop"}}
MATERIALS = {"materials": {"site": "west"}}
INSTRUCTION = {"instruction": True}

COMMITTED = [  # format V3
    Case("Python V3 KMS", "amazon", "kms", "v3"),
    Case("Python V3 KMS with context", "amazon", "kms", "v3", CONTEXT),
    Case("Java V3 KMS", "java", "kms", "v3"),
    Case("Java V3 AES", "java", "aes", "v3"),
    Case("Java V3 RSA", "java", "rsa", "v3"),
    Case("Java V3 AES with materials", "java", "aes-west", "v3", MATERIALS),
]
COMMITTED_SPLIT = [  # format V3, its keys in an instruction file
    Case(f"Java V3 {kind.upper()} with instruction file", "java", kind, "v3", INSTRUCTION) for kind in ("kms", "aes", "rsa")
]
BOUND = [  # format V2 as the second generation writes it
    Case("Python V2 KMS", "amazon", "kms", "v2"),
    Case("Python V2 KMS with context", "amazon", "kms", "v2", CONTEXT),
    Case("Go V2 KMS", "go", "kms", "v2"),
    Case("Go V2 KMS with context", "go", "kms", "v2", CONTEXT),
    Case("Java V2 KMS", "java", "kms", "v2"),
    Case("Java V2 AES", "java", "aes", "v2"),
    Case("Java V2 RSA", "java", "rsa", "v2"),
    Case("Java V2 AES with materials", "java", "aes-west", "v2", MATERIALS),
]
BOUND_SPLIT = [Case(f"Java V2 {kind.upper()} with instruction file", "java", kind, "v2", INSTRUCTION) for kind in ("kms", "aes", "rsa")]
FIRST = [  # what the first generation wrote: legacy wraps, and mostly legacy content
    # The mask hash of its RSA-OAEP is the provider's choice.
    Case("Java of SDK 1 RSA gcm by Bouncy Castle", "java", "rsa", "v1-gcm", {"bouncy": True}),
    *(Case(f"Java of SDK 1 {kind.upper()} {content}", "java", kind, f"v1-{content}") for kind in ("kms", "aes", "rsa") for content in ("cbc", "gcm")),
]
FIRST_SPLIT = [Case(f"Java of SDK 1 {kind.upper()} CBC with instruction file", "java", kind, "v1-cbc", INSTRUCTION) for kind in ("kms", "aes", "rsa")]
AIOBOTO3 = [
    Case("aioboto3 AES", "aio", "aes", "v1"),
    Case("aioboto3 RSA", "aio", "rsa", "v1"),
    Case("aioboto3 KMS", "aio", "kms", "v2"),
    Case("aioboto3 KMS, not authenticated", "aio", "kms", "v2", {"cipher": "cbc"}),
]
S3_ENCRYPTION = [Case(f"s3-encryption with a key of {size} bits", "older", kind, "v1") for kind, size in (("aes", 256), ("aes-24", 192), ("aes-16", 128))]
IN_PARTS = [
    Case("Python V3 KMS in parts", "amazon", "kms", "v3", {"parts": PARTS}),
    Case("Java V2 AES in parts", "java", "aes", "v2", {"parts": PARTS}),
    Case("Java V3 RSA in parts", "java", "rsa", "v3", {"parts": PARTS}),
]
