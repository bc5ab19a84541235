import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.kms.AWSKMS;
import com.amazonaws.services.kms.AWSKMSClientBuilder;
import com.amazonaws.services.s3.AmazonS3;
import com.amazonaws.services.s3.AmazonS3EncryptionClientBuilder;
import com.amazonaws.services.s3.model.CryptoConfiguration;
import com.amazonaws.services.s3.model.CryptoMode;
import com.amazonaws.services.s3.model.CryptoStorageMode;
import com.amazonaws.services.s3.model.EncryptionMaterials;
import com.amazonaws.services.s3.model.EncryptionMaterialsProvider;
import com.amazonaws.services.s3.model.GetObjectRequest;
import com.amazonaws.services.s3.model.KMSEncryptionMaterialsProvider;
import com.amazonaws.services.s3.model.ObjectMetadata;
import com.amazonaws.services.s3.model.PutObjectRequest;
import com.amazonaws.services.s3.model.StaticEncryptionMaterialsProvider;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/** The encryption client of the AWS SDK 1 in its first generation: CBC content with the oldest wraps, and GCM content with the next ones. */
@SuppressWarnings("deprecation") // that it is old is why it is here
final class First implements Interop.Generation {
    private static final EndpointConfiguration STORE = new EndpointConfiguration(System.getenv("INTEROP_S3"), "us-east-1");
    private static final EndpointConfiguration KMS = new EndpointConfiguration(System.getenv("INTEROP_KMS"), "us-east-1");

    private final AWSKMS kms = AWSKMSClientBuilder.standard().withEndpointConfiguration(KMS).build();

    private static EncryptionMaterialsProvider materials(Interop.Request request) throws Exception {
        if (request.master.kms != null) {
            return new KMSEncryptionMaterialsProvider(request.master.kms);
        }
        EncryptionMaterials materials = request.master.aes != null
                ? new EncryptionMaterials(Keys.aes(request.master))
                : new EncryptionMaterials(Keys.rsa(request.master));
        request.materials.forEach(materials::addDescription);
        return new StaticEncryptionMaterialsProvider(materials);
    }

    private AmazonS3 client(Interop.Request request) throws Exception {
        CryptoConfiguration configuration = new CryptoConfiguration(
                        request.format.equals("v1-gcm") ? CryptoMode.AuthenticatedEncryption : CryptoMode.EncryptionOnly)
                .withStorageMode(request.instruction ? CryptoStorageMode.InstructionFile : CryptoStorageMode.ObjectMetadata);
        if (request.bouncy) {
            configuration.setCryptoProvider(new BouncyCastleProvider());
        }
        return AmazonS3EncryptionClientBuilder.standard()
                .withEndpointConfiguration(STORE)
                .withPathStyleAccessEnabled(true)
                .withKmsClient(kms)
                .withCryptoConfiguration(configuration)
                .withEncryptionMaterials(materials(request))
                .build();
    }

    @Override
    public void put(Interop.Request request) throws Exception {
        byte[] content = Files.readAllBytes(Path.of(request.file));
        ObjectMetadata metadata = new ObjectMetadata();
        metadata.setContentLength(content.length);
        metadata.setUserMetadata(request.metadata);
        client(request).putObject(new PutObjectRequest(request.bucket, request.key, new ByteArrayInputStream(content), metadata));
    }

    @Override
    public void get(Interop.Request request) throws Exception {
        try (InputStream content = client(request).getObject(new GetObjectRequest(request.bucket, request.key)).getObjectContent()) {
            Files.write(Path.of(request.file), content.readAllBytes());
        }
    }

    @Override
    public void rewrap(Interop.Request request) {
        throw new UnsupportedOperationException("only the newest clients do that");
    }
}
