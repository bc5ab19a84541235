import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * Amazon's encryption clients for Java, driven as tests/interop/tools/serve.py says: a JSON request a line, a JSON answer a line.
 *
 * <p>Which client serves is in the request's format: "v2" and "v3" are the Amazon S3 Encryption Client 4.x ({@link Current}), "v1-cbc" and
 * "v1-gcm" the first generation in the AWS SDK 1 ({@link First}).
 */
public final class Interop {
    private Interop() {}

    /** A request; fields that it leaves out are null or false. */
    static final class Request {
        String action;
        String bucket;
        String key;
        String file;
        String format;
        Master master;
        Master to;
        Map<String, String> materials = new HashMap<>();
        Map<String, String> context = new HashMap<>();
        Map<String, String> metadata = new HashMap<>();
        int parts;
        boolean instruction;
        String suffix;
        boolean legacy;
        boolean bouncy;
        String range;
    }

    /** One of: an AES key in hexadecimal, an RSA key pair in base64 of DER, the name of a KMS key. */
    static final class Master {
        String aes;
        Pair rsa;
        String kms;
    }

    /** PKCS#8 and SubjectPublicKeyInfo. */
    static final class Pair {
        String pkcs8;
        String spki;
    }

    /** A generation of clients. */
    interface Generation {
        void put(Request request) throws Exception;

        void get(Request request) throws Exception;

        void rewrap(Request request) throws Exception;
    }

    private static void carry(Map<String, Generation> generations, Request request) throws Exception {
        Generation generation = generations.get(request.format);
        switch (request.action) {
            case "put" -> generation.put(request);
            case "get" -> generation.get(request);
            case "rewrap" -> generation.rewrap(request);
            default -> throw new IllegalArgumentException(request.action);
        }
    }

    private static String story(Throwable problem) {
        StringBuilder said = new StringBuilder();
        for (Throwable cause = problem; cause != null; cause = cause.getCause()) {
            said.append(cause.getClass().getSimpleName()).append(": ").append(cause.getMessage()).append("; ");
        }
        return said.toString();
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        System.setOut(System.err); // what libraries print is no answer
        Generation current = new Current();
        Generation first = new First();
        Map<String, Generation> generations = Map.of("v2", current, "v3", current, "v1-cbc", first, "v1-gcm", first);
        Gson gson = new Gson();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonObject answer = new JsonObject();
            try {
                JsonObject read = gson.fromJson(line, JsonObject.class);
                read.add("action", read.get("do")); // "do" is a word of the language
                carry(generations, gson.fromJson(read, Request.class));
                answer.addProperty("ok", true);
            } catch (Throwable problem) {
                answer.addProperty("ok", false);
                answer.addProperty("error", story(problem));
            }
            answers.println(gson.toJson(answer));
        }
        System.exit(0); // the clients' threads would go on
    }
}
