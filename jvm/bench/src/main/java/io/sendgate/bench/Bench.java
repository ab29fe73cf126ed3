package io.sendgate.bench;

import io.github.bucket4j.Bucket;
import io.github.bucket4j.TimeMeter;
import io.github.resilience4j.ratelimiter.RateLimiter;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import io.sendgate.Limiter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongUnaryOperator;

/**
 * A decision over five limits, one thread, in one process: rounds of all in turn, and the median of each. Prints one line of
 * JSON, nanoseconds a decision.
 *
 * Sendgate's sliding windows are exact over every interval; bucket4j's five bandwidths are token buckets, which let up to
 * twice the limit through an interval; resilience4j has one fixed window a limiter, so five of them are asked in a row, and
 * what the first ones gave is lost when a later one refuses. None of them ever refuses here.
 */
final class Bench {
    private static final long NOON = 1_796_126_400_000L;
    private static final int BATCH = 1000;
    private static final long[] PERIODS = {1_000, 60_000, 3_600_000, 86_400_000, 2_592_000_000L};

    private record Racer(String name, LongUnaryOperator decisions) {}

    public static void main(String[] arguments) {
        boolean quick = Arrays.asList(arguments).contains("--quick");
        int rounds = quick ? 7 : 21;
        long turns = quick ? 200_000 : 1_000_000;
        List<Racer> racers = List.of(
                new Racer("abi.kotlin.admit", Bench::admit),
                new Racer("abi.kotlin.decide", Bench::decide),
                new Racer("abi.kotlin.batched", Bench::batched),
                new Racer("abi.kotlin.bucket4j", Bench::bucket4j),
                new Racer("abi.kotlin.resilience4j", Bench::resilience4j));
        List<List<Double>> taken = new ArrayList<>();
        for (Racer racer : racers) {
            racer.decisions.applyAsLong(turns);
            taken.add(new ArrayList<>());
        }
        for (int round = 0; round < rounds; round++) {
            for (int each = 0; each < racers.size(); each++) {
                long started = System.nanoTime();
                long admitted = racers.get(each).decisions.applyAsLong(turns);
                taken.get(each).add((System.nanoTime() - started) / (double) turns);
                if (admitted != turns) throw new IllegalStateException(racers.get(each).name + " refused");
            }
        }
        StringBuilder line = new StringBuilder("{");
        for (int each = 0; each < racers.size(); each++) {
            List<Double> times = taken.get(each);
            times.sort(null);
            if (each > 0) line.append(", ");
            line.append(String.format(java.util.Locale.ROOT, "\"%s\": %.1f", racers.get(each).name, times.get(rounds / 2)));
        }
        System.out.println(line.append("}"));
    }

    /** Five sliding windows, far from their limits. */
    private static Limiter limiter() {
        StringBuilder windows = new StringBuilder();
        for (long period : PERIODS) {
            if (windows.length() > 0) windows.append(",");
            windows.append("{\"kind\":\"sliding\",\"name\":\"w").append(period)
                    .append("\",\"limit\":100000000,\"period_ms\":").append(period).append("}");
        }
        try {
            return new Limiter("{\"windows\":[" + windows + "]}");
        } catch (io.sendgate.SendgateException wrong) {
            throw new IllegalStateException(wrong);
        }
    }

    private static long admit(long turns) {
        Limiter limiter = limiter();
        long admitted = 0;
        for (long turn = 0; turn < turns; turn++) if (limiter.admit(1, NOON + turn / BATCH)) admitted++;
        return admitted;
    }

    private static long decide(long turns) {
        Limiter limiter = limiter();
        long admitted = 0;
        for (long turn = 0; turn < turns; turn++) {
            if (limiter.decide(1, NOON + turn / BATCH) instanceof io.sendgate.Decision.Allow) admitted++;
        }
        return admitted;
    }

    private static long batched(long turns) {
        Limiter limiter = limiter();
        int[] costs = new int[BATCH];
        Arrays.fill(costs, 1);
        long admitted = 0;
        for (long turn = 0; turn < turns; turn += BATCH) {
            for (boolean one : limiter.admitMany(costs, java.time.Instant.ofEpochMilli(NOON + turn / BATCH))) if (one) admitted++;
        }
        return admitted;
    }

    private static final class Clock implements TimeMeter {
        private long nanos = NOON * 1_000_000;

        @Override
        public long currentTimeNanos() {
            return nanos;
        }

        @Override
        public boolean isWallClockBased() {
            return true;
        }
    }

    private static long bucket4j(long turns) {
        Clock clock = new Clock();
        var builder = Bucket.builder().withCustomTimePrecision(clock);
        for (long period : PERIODS) {
            builder.addLimit(limit -> limit.capacity(100_000_000).refillGreedy(100_000_000, Duration.ofMillis(period)));
        }
        Bucket bucket = builder.build();
        long admitted = 0;
        for (long turn = 0; turn < turns; turn++) {
            clock.nanos = (NOON + turn / BATCH) * 1_000_000;
            if (bucket.tryConsume(1)) admitted++;
        }
        return admitted;
    }

    private static long resilience4j(long turns) {
        List<RateLimiter> limiters = new ArrayList<>();
        for (long period : PERIODS) {
            RateLimiterConfig config = RateLimiterConfig.custom().limitForPeriod(100_000_000)
                    .limitRefreshPeriod(Duration.ofMillis(period)).timeoutDuration(Duration.ZERO).build();
            limiters.add(RateLimiter.of("w" + period, config));
        }
        long admitted = 0;
        for (long turn = 0; turn < turns; turn++) {
            boolean all = true;
            for (RateLimiter limiter : limiters) all &= limiter.acquirePermission();
            if (all) admitted++;
        }
        return admitted;
    }
}
