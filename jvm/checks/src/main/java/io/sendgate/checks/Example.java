package io.sendgate.checks;

import io.sendgate.HttpResponse;
import io.sendgate.Limiter;
import io.sendgate.Mailroom;
import io.sendgate.Message;
import io.sendgate.MessageBuilder;
import io.sendgate.Provider;
import io.sendgate.ProviderKind;
import io.sendgate.Receipt;
import io.sendgate.Sendgate;
import io.sendgate.SendgateException;
import io.sendgate.Transport;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;

/** Sends through a Mailroom to the simulator at the first argument, with a transport that is a lambda. */
final class Example {
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    public static void main(String[] arguments) throws Exception {
        Provider provider = Sendgate.provider(ProviderKind.RESEND, "re_key", arguments[0]);
        Transport transport = Example::carry;
        try (Mailroom mailroom = Sendgate.mailroom(Path.of(arguments[1], "java.db"), provider, transport)) {
            Message message = new MessageBuilder("orders@shop.example", "ann@example.com")
                    .subject("Order 42").textBody("On its way.").tag("receipt").metadata("order", "42").build();
            Receipt receipt = Sendgate.submitAsync(mailroom, List.of(message)).get().get(0);
            if (!Sendgate.drainAsync(mailroom, Duration.ofSeconds(60)).get()) throw new IllegalStateException("waiting");
            String trace = mailroom.trace(receipt.getMessageId());
            if (!trace.contains("\"event\":\"sent\"")) throw new IllegalStateException(trace);
        }
        try {
            new MessageBuilder("nobody", "ann@example.com").build();
            throw new IllegalStateException("taken");
        } catch (SendgateException.InvalidMessage wrong) {
            if (!wrong.getFaults().get(0).getField().equals("from")) throw wrong;
        }
        threadsShareOneBudget();
        System.out.println("java: sent through Mailroom, and two threads share a limit exactly");
    }

    private static HttpResponse carry(io.sendgate.HttpRequest request, Duration timeout) {
        HttpRequest.Builder call = HttpRequest.newBuilder(URI.create(request.getUrl())).timeout(timeout);
        request.getHeaders().forEach(call::header);
        call.method(request.getMethod(), HttpRequest.BodyPublishers.ofByteArray(request.getBody()));
        try {
            var answer = CLIENT.send(call.build(), BodyHandlers.ofByteArray());
            HashMap<String, String> headers = new HashMap<>();
            answer.headers().map().forEach((name, values) -> headers.put(name, values.get(0)));
            return new HttpResponse(answer.statusCode(), headers, answer.body());
        } catch (Exception lost) {
            // Sendgate takes whatever is thrown for a request that may have arrived.
            throw new IllegalStateException(lost);
        }
    }

    private static void threadsShareOneBudget() throws Exception {
        Limiter limiter = new Limiter("{\"windows\":[{\"kind\":\"sliding\",\"name\":\"hour\",\"limit\":50000,\"period_ms\":3600000}]}");
        Instant noon = Instant.ofEpochMilli(1_796_126_400_000L);
        int[] admitted = new int[2];
        Thread[] threads = new Thread[2];
        for (int each = 0; each < threads.length; each++) {
            int mine = each;
            threads[each] = new Thread(() -> {
                for (int turn = 0; turn < 50_000; turn++) if (limiter.admit(1, noon)) admitted[mine]++;
            });
            threads[each].start();
        }
        for (Thread thread : threads) thread.join();
        if (admitted[0] + admitted[1] != 50_000) throw new IllegalStateException("" + (admitted[0] + admitted[1]));
    }
}
