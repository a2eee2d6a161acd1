// Shows every error of Kafka's protocol, one a line: its number, its name, and whether clients take it as retriable.
//
//     java -cp <Kafka's jars> ShowErrors.java
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.Errors;

public class ShowErrors {
    public static void main(String[] words) {
        for (Errors error : Errors.values()) {
            System.out.println(error.code() + " " + error + " " + (error.exception() instanceof RetriableException));
        }
    }
}
