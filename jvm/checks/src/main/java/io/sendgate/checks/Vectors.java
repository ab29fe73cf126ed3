package io.sendgate.checks;

import static io.sendgate.SendgateKt.evaluateVector;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sendgate.Decision;
import io.sendgate.Limiter;
import io.sendgate.SendgateException;
import io.sendgate.Usage;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeSet;

/** The shared vectors from Java: every case through the core, the limiter's through the class as well. */
final class Vectors {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final List<String> SUITES =
            List.of("address", "backoff", "calendar", "gate", "hold", "lease", "ledger", "limiter", "outcome");
    private static final BigInteger THOUSAND = BigInteger.valueOf(1000);

    private int passed;
    private int failed;
    private int typed;

    public static void main(String[] arguments) throws Exception {
        new Vectors().run(Path.of(arguments[0]));
    }

    private void run(Path directory) throws Exception {
        TreeSet<String> found = new TreeSet<>();
        try (var files = Files.list(directory)) {
            files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".json") && !name.endsWith(".schema.json"))
                    .forEach(name -> found.add(name.substring(0, name.length() - ".json".length())));
        }
        if (!found.equals(new TreeSet<>(SUITES))) throw new IllegalStateException("the suites are " + found);
        int total = 0;
        for (String suite : SUITES) {
            JsonNode file = JSON.readTree(directory.resolve(suite + ".json").toFile());
            if (file.get("total").asInt() != file.get("cases").size()) throw new IllegalStateException(suite);
            total += file.get("cases").size();
            for (JsonNode vector : file.get("cases")) check(suite, vector);
        }
        System.out.println("of them through the typed functions as well: " + typed);
        System.out.printf("vectors: %d passed, %d failed, 0 skipped%n", passed, failed);
        if (passed != total || total == 0) System.exit(1);
    }

    private void check(String suite, JsonNode vector) throws Exception {
        JsonNode want = wanted(vector);
        JsonNode got = JSON.readTree(evaluateVector(suite, vector.toString()));
        boolean holds = got.equals(want);
        if (holds && suite.equals("limiter") && isTyped(vector)) {
            typed++;
            // Numbers as the parser has them.
            got = JSON.readTree(limiter(vector).toString());
            holds = got.equals(want);
        }
        if (holds) passed++;
        else {
            failed++;
            System.out.printf("%s %s%n  want %s%n  got  %s%n", suite, vector.get("id"), want, got);
        }
    }

    private static JsonNode wanted(JsonNode vector) {
        if (vector.has("want")) return vector.get("want");
        ArrayNode wants = NODES.arrayNode();
        vector.get("steps").forEach(step -> wants.add(step.get("want")));
        return wants;
    }

    private static boolean isTyped(JsonNode vector) {
        List<String> known = List.of("decide", "peek", "charge", "refund", "usage", "state", "load");
        for (JsonNode step : vector.path("steps")) if (!known.contains(step.get("op").asText())) return false;
        return true;
    }

    private static JsonNode limiter(JsonNode vector) throws Exception {
        JsonNode policy = vector.get("policy");
        Limiter limiter;
        try {
            limiter = new Limiter(policy.toString());
        } catch (SendgateException.InvalidPolicy wrong) {
            return NODES.objectNode().put("error", wrong.getCode());
        }
        ArrayNode answers = NODES.arrayNode();
        for (JsonNode step : vector.get("steps")) answers.add(perform(limiter, policy, step));
        return answers;
    }

    private static JsonNode perform(Limiter limiter, JsonNode policy, JsonNode step) {
        long cost = step.path("cost").asLong();
        Instant now = instant(step.path("now"));
        switch (step.get("op").asText()) {
            case "decide":
                return shape(limiter.decide(cost, now), policy);
            case "peek":
                return shape(limiter.peek(cost, now), policy);
            case "charge":
                return NODES.objectNode().put("charged_at", limiter.charge(cost, now).toEpochMilli());
            case "refund":
                limiter.refund(cost, instant(step.get("charged_at")), now);
                return NODES.objectNode().put("refunded", true);
            case "usage":
                ArrayNode windows = NODES.arrayNode();
                for (Usage usage : limiter.usage(now)) windows.add(shape(usage));
                return windows;
            case "state":
                return NODES.objectNode().put("hex", HexFormat.of().formatHex(limiter.state()));
            default:
                try {
                    limiter.load(HexFormat.of().parseHex(step.get("hex").asText()));
                    return NODES.objectNode().put("loaded", true);
                } catch (SendgateException wrong) {
                    return NODES.objectNode().put("error", ((SendgateException.InvalidState) wrong).getCode());
                }
        }
    }

    private static ObjectNode shape(Decision decision, JsonNode policy) {
        ObjectNode inner = NODES.objectNode();
        if (decision instanceof Decision.Allow allow) {
            return NODES.objectNode().set("allow", inner.put("charged_at", allow.getChargedAt().toEpochMilli()));
        }
        if (decision instanceof Decision.Defer defer) {
            inner.put("retry_at", defer.getRetryAt().toEpochMilli());
            return NODES.objectNode().set("defer", inner.put("window", name(policy, defer.getWindow())));
        }
        long window = ((Decision.Reject) decision).getWindow();
        return NODES.objectNode().set("reject", inner.put("window", name(policy, window)));
    }

    private static String name(JsonNode policy, long window) {
        return policy.get("windows").get((int) window).get("name").asText();
    }

    private static ObjectNode shape(Usage usage) {
        return NODES.objectNode()
                .put("limit", usage.getLimit())
                .put("used", usage.getUsed())
                .put("remaining", usage.getRemaining())
                .put("next_at", usage.getNextAt().toEpochMilli())
                .put("full_at", usage.getFullAt().toEpochMilli());
    }

    /** Numbers of 64 bits without a sign, or their digits in a text. */
    private static Instant instant(JsonNode number) {
        BigInteger millis = number.isMissingNode() ? BigInteger.ZERO : new BigInteger(number.asText());
        BigInteger[] parts = millis.divideAndRemainder(THOUSAND);
        return Instant.ofEpochSecond(parts[0].longValueExact(), parts[1].longValue() * 1_000_000);
    }
}
