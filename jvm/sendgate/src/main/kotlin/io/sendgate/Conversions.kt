package io.sendgate

import java.time.Duration
import java.time.Instant

// What uniffi's Kotlin calls for numbers that have a type of their own here: see ffi/uniffi.toml. Numbers of 64 bits
// without a sign all fit into an Instant and a Duration, which count seconds.

internal fun instantOf(millis: ULong): Instant =
    Instant.ofEpochSecond((millis / MILLIS).toLong(), (millis % MILLIS).toLong() * NANOS)

internal fun millisOf(instant: Instant): ULong {
    require(instant.epochSecond >= 0) { "an instant must not be before 1970" }
    return instant.epochSecond.toULong() * MILLIS + (instant.nano / NANOS).toULong()
}

internal fun durationOf(millis: ULong): Duration =
    Duration.ofSeconds((millis / MILLIS).toLong(), (millis % MILLIS).toLong() * NANOS)

internal fun millisOf(length: Duration): ULong {
    require(!length.isNegative) { "a length of time must not be negative" }
    return length.seconds.toULong() * MILLIS + (length.nano / NANOS).toULong()
}

internal fun unitsOf(number: Long): UInt {
    require(number in 0..MOST) { "a number of units must be 0 to $MOST, got $number" }
    return number.toUInt()
}

private const val MILLIS: ULong = 1000u
private const val NANOS = 1_000_000L
private const val MOST = 0xffff_ffffL
