import static software.amazon.encryption.s3.S3EncryptionClient.withAdditionalConfiguration;
import static software.amazon.encryption.s3.S3EncryptionClient.withCustomInstructionFileSuffix;

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.core.sync.ResponseTransformer;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.SdkPartType;
import software.amazon.encryption.s3.CommitmentPolicy;
import software.amazon.encryption.s3.S3EncryptionClient;
import software.amazon.encryption.s3.algorithms.AlgorithmSuite;
import software.amazon.encryption.s3.internal.InstructionFileConfig;
import software.amazon.encryption.s3.internal.ReEncryptInstructionFileRequest;
import software.amazon.encryption.s3.materials.AesKeyring;
import software.amazon.encryption.s3.materials.Keyring;
import software.amazon.encryption.s3.materials.KmsKeyring;
import software.amazon.encryption.s3.materials.MaterialsDescription;
import software.amazon.encryption.s3.materials.PartialRsaKeyPair;
import software.amazon.encryption.s3.materials.RawKeyring;
import software.amazon.encryption.s3.materials.RsaKeyring;

/** The Amazon S3 Encryption Client for Java 4.x: formats V2 and V3 with every key, in parts, with instruction files. */
final class Current implements Interop.Generation {
    private static final URI STORE = URI.create(System.getenv("INTEROP_S3"));
    private static final URI KMS = URI.create(System.getenv("INTEROP_KMS"));

    private final S3Client plain = S3Client.builder().endpointOverride(STORE).region(Region.US_EAST_1).forcePathStyle(true).build();
    private final S3AsyncClient plainAsync =
            S3AsyncClient.builder().endpointOverride(STORE).region(Region.US_EAST_1).forcePathStyle(true).build();
    private final KmsClient kms = KmsClient.builder().endpointOverride(KMS).region(Region.US_EAST_1).build();

    private static MaterialsDescription described(Map<String, String> materials) {
        return MaterialsDescription.builder().putAll(materials).build();
    }

    private static RawKeyring raw(Interop.Master master, Map<String, String> materials, boolean legacy) throws Exception {
        if (master.aes != null) {
            return AesKeyring.builder().wrappingKey(Keys.aes(master)).materialsDescription(described(materials))
                    .enableLegacyWrappingAlgorithms(legacy).build();
        }
        KeyPair pair = Keys.rsa(master);
        PartialRsaKeyPair both = PartialRsaKeyPair.builder().publicKey(pair.getPublic()).privateKey(pair.getPrivate()).build();
        return RsaKeyring.builder().wrappingKeyPair(both).materialsDescription(described(materials))
                .enableLegacyWrappingAlgorithms(legacy).build();
    }

    private Keyring keyring(Interop.Request request) throws Exception {
        if (request.master.kms != null) {
            return KmsKeyring.builder().kmsClient(kms).wrappingKeyId(request.master.kms).enableLegacyWrappingAlgorithms(request.legacy).build();
        }
        return raw(request.master, request.materials, request.legacy);
    }

    private S3EncryptionClient client(Interop.Request request) throws Exception {
        boolean committing = request.format.equals("v3");
        return S3EncryptionClient.builderV4()
                .wrappedClient(plain)
                .wrappedAsyncClient(plainAsync)
                .keyring(keyring(request))
                .encryptionAlgorithm(committing
                        ? AlgorithmSuite.ALG_AES_256_GCM_HKDF_SHA512_COMMIT_KEY
                        : AlgorithmSuite.ALG_AES_256_GCM_IV12_TAG16_NO_KDF)
                .commitmentPolicy(committing
                        ? CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
                        : CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT)
                .enableLegacyUnauthenticatedModes(request.legacy)
                .instructionFileConfig(InstructionFileConfig.builder()
                        .instructionFileClient(plain)
                        .enableInstructionFilePutObject(request.instruction)
                        .build())
                .build();
    }

    @Override
    public void put(Interop.Request request) throws Exception {
        byte[] content = Files.readAllBytes(Path.of(request.file));
        S3EncryptionClient s3 = client(request);
        if (request.parts > 0) {
            inParts(s3, request, content);
            return;
        }
        s3.putObject(
                put -> {
                    put.bucket(request.bucket).key(request.key).metadata(request.metadata);
                    put.overrideConfiguration(withAdditionalConfiguration(request.context));
                },
                RequestBody.fromBytes(content));
    }

    private static void inParts(S3EncryptionClient s3, Interop.Request request, byte[] content) {
        String upload = s3.createMultipartUpload(create -> {
            create.bucket(request.bucket).key(request.key).metadata(request.metadata);
            create.overrideConfiguration(withAdditionalConfiguration(request.context));
        }).uploadId();
        List<CompletedPart> done = new ArrayList<>();
        for (int start = 0; start < content.length; start += request.parts) {
            int end = Math.min(content.length, start + request.parts);
            int number = done.size() + 1;
            String etag = s3.uploadPart(
                    part -> {
                        part.bucket(request.bucket).key(request.key).uploadId(upload).partNumber(number);
                        if (end == content.length) {
                            part.sdkPartType(SdkPartType.LAST);
                        }
                    },
                    RequestBody.fromBytes(Arrays.copyOfRange(content, start, end))).eTag();
            done.add(CompletedPart.builder().partNumber(number).eTag(etag).build());
        }
        s3.completeMultipartUpload(complete -> complete.bucket(request.bucket).key(request.key).uploadId(upload)
                .multipartUpload(parts -> parts.parts(done)));
    }

    @Override
    public void get(Interop.Request request) throws Exception {
        ResponseBytes<GetObjectResponse> found = client(request).getObject(
                get -> {
                    get.bucket(request.bucket).key(request.key).range(request.range);
                    if (request.suffix != null) {
                        get.overrideConfiguration(withCustomInstructionFileSuffix(request.suffix));
                    } else if (!request.context.isEmpty()) {
                        get.overrideConfiguration(withAdditionalConfiguration(request.context));
                    }
                },
                ResponseTransformer.toBytes());
        Files.write(Path.of(request.file), found.asByteArrayUnsafe());
    }

    /** Wraps the data key in the instruction file for another key; the suffix goes without its dot. */
    @Override
    public void rewrap(Interop.Request request) throws Exception {
        ReEncryptInstructionFileRequest.Builder change = ReEncryptInstructionFileRequest.builder()
                .bucket(request.bucket).key(request.key).newKeyring(raw(request.to, request.materials, false));
        if (request.suffix != null) {
            change.instructionFileSuffix(request.suffix);
        }
        request.materials = Map.of();
        client(request).reEncryptInstructionFile(change.build());
    }
}
