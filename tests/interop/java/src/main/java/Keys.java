import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;

/** Keys as requests name them. */
final class Keys {
    private Keys() {}

    static SecretKey aes(Interop.Master master) {
        return new SecretKeySpec(HexFormat.of().parseHex(master.aes), "AES");
    }

    static KeyPair rsa(Interop.Master master) throws Exception {
        KeyFactory factory = KeyFactory.getInstance("RSA");
        Base64.Decoder decoder = Base64.getDecoder();
        return new KeyPair(
                factory.generatePublic(new X509EncodedKeySpec(decoder.decode(master.rsa.spki))),
                factory.generatePrivate(new PKCS8EncodedKeySpec(decoder.decode(master.rsa.pkcs8))));
    }
}
