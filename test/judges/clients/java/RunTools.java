// Runs command line tools of Apache Kafka one after the other in one JVM, so that each costs a tenth of a second and not two.
//
//     java -cp <Kafka's jars> RunTools.java
//
// Each line of the input is a JSON array: the tool's main class, then its arguments. Each line of the output is a JSON
// object: the exit status that the tool asked for (0 when it just returned), and what it wrote to its two streams.
// A first word `&` lets a tool run on beside the others, until the input ends; it is answered at once.
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;
import java.util.Map;
import org.apache.kafka.common.utils.Exit;

public class RunTools {
    /** What a tool asked for first: some catch everything, this too, and then ask for another status. */
    private static final ThreadLocal<Integer> STATUS = new ThreadLocal<>();

    private static final class Ended extends Error {}

    private static void end(int status, String message) {
        if (message != null) System.err.println(message);
        if (STATUS.get() == null) STATUS.set(status);
        throw new Ended();
    }

    public static void main(String[] args) throws Exception {
        ObjectMapper json = new ObjectMapper();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        PrintStream answers = System.out;
        System.setOut(new PrintStream(out, true));
        System.setErr(new PrintStream(err, true));
        Exit.setExitProcedure(RunTools::end);
        Exit.setHaltProcedure(RunTools::end);
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] words = json.readValue(line, String[].class);
            out.reset();
            err.reset();
            int status = 0;
            if (words[0].equals("&")) {
                new Thread(() -> run(Arrays.copyOfRange(words, 1, words.length))).start();
            } else {
                status = run(words);
            }
            answers.println(json.writeValueAsString(
                Map.of("status", status, "out", out.toString(), "err", err.toString())));
        }
        Runtime.getRuntime().halt(0);
    }

    private static int run(String[] words) {
        STATUS.remove();
        try {
            Object rest = Arrays.copyOfRange(words, 1, words.length);
            Class.forName(words[0]).getMethod("main", String[].class).invoke(null, rest);
        } catch (InvocationTargetException thrown) {
            if (STATUS.get() == null) {
                thrown.getCause().printStackTrace();
                return 1;
            }
        } catch (ReflectiveOperationException wrong) {
            throw new IllegalArgumentException(wrong);
        }
        return STATUS.get() == null ? 0 : STATUS.get();
    }
}
