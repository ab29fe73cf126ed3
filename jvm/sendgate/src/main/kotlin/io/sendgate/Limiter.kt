package io.sendgate

import com.sun.jna.Native
import java.io.File
import java.lang.ref.Reference
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.time.Instant

/**
 * A limiter and its state, shared by threads.
 *
 * A decision crosses into the library by JNI, which costs nanoseconds; everything else goes the way of the other classes.
 * It is freed when nobody refers to it any more. Instants may be given as milliseconds since 1970, too.
 *
 * @param policy `{"windows":[...]}`
 * @throws SendgateException.InvalidPolicy
 */
class Limiter
    @Throws(SendgateException::class)
    constructor(policy: String) {
        private val inner = NativeLimiter(policy)
        private val address = inner.address().toLong()

        /** Whether units may leave now; charges them if they may. */
        @JvmOverloads
        fun admit(cost: Long = 1): Boolean = admit(cost, System.currentTimeMillis())

        /** Whether units may leave at [now]; charges them if they may. */
        fun admit(cost: Long, now: Instant): Boolean = admit(cost, millisOf(now).toLong())

        /** Whether units may leave at [nowMillis]; charges them if they may. */
        fun admit(cost: Long, nowMillis: Long): Boolean = alive { Decisions.admit(address, unitsOf(cost).toInt(), nowMillis) } == 1

        /** [admit] for several sends one after another, each with its cost, in one call: which of them may leave. */
        @JvmOverloads
        fun admitMany(costs: IntArray, now: Instant = Instant.now()): BooleanArray {
            val admitted = BooleanArray(costs.size)
            val place = Place.of(costs.size)
            place.numbers.clear()
            place.numbers.put(costs)
            alive { Decisions.admitMany(address, place.address, costs.size, millisOf(now).toLong()) }
            for (index in costs.indices) admitted[index] = place.numbers.get(index) == 1
            return admitted
        }

        /** Decides and, on an allow, charges. A denial charges nothing. */
        @JvmOverloads
        fun decide(cost: Long = 1): Decision = decide(cost, System.currentTimeMillis())

        /** Decides at [now] and, on an allow, charges. A denial charges nothing. */
        fun decide(cost: Long, now: Instant): Decision = decide(cost, millisOf(now).toLong())

        /** Decides at [nowMillis] and, on an allow, charges. A denial charges nothing. */
        fun decide(cost: Long, nowMillis: Long): Decision {
            val packed = alive { Decisions.decide(address, unitsOf(cost).toInt(), nowMillis) }
            val instant = Instant.ofEpochMilli(packed and INSTANT)
            val window = packed shr WINDOW_AT and BYTE
            return when (packed shr KIND_AT) {
                0L -> Decision.Allow(instant)
                1L -> Decision.Defer(instant, window)
                else -> Decision.Reject(window)
            }
        }

        /** The same decision, charging nothing. */
        @JvmOverloads
        fun peek(cost: Long = 1, now: Instant = Instant.now()): Decision = inner.peek(cost, now)

        /** Records units that left anyway, and returns the instant they count from. */
        @JvmOverloads
        fun charge(cost: Long = 1, now: Instant = Instant.now()): Instant = inner.charge(cost, now)

        /** Takes back units that were charged at [chargedAt]. */
        @JvmOverloads
        fun refund(cost: Long, chargedAt: Instant, now: Instant = Instant.now()) = inner.refund(cost, chargedAt, now)

        /** What each window holds, in the policy's order. */
        @JvmOverloads
        fun usage(now: Instant = Instant.now()): List<Usage> = inner.usage(now)

        /** The state's bytes, the same on every platform. */
        fun state(): ByteArray = inner.state()

        /** Goes on from a stored state of the same policy. */
        @Throws(SendgateException::class)
        fun load(state: ByteArray) = inner.load(state)

        /** The native object is not freed while it is in use, whatever the garbage collector thinks of this one. */
        private inline fun <N : Number> alive(call: () -> N): N {
            val answer = call()
            Reference.reachabilityFence(this)
            if (answer.toLong() == -1L) throw InternalException("a bug in sendgate was caught")
            return answer
        }

        private companion object {
            const val INSTANT = 0xffff_ffff_ffffL
            const val WINDOW_AT = 48
            const val KIND_AT = 56
            const val BYTE = 0xffL
        }
    }

/** The functions of ffi/src/jvm.rs. Nothing but [Limiter] may call them: they take addresses. */
private object Decisions {
    init {
        // JNA unpacks the library from the jar, too, but its file is gone once it is loaded. A second copy of the code does
        // as well: it works on the same objects, and has nothing of its own.
        val library = System.getProperty("uniffi.component.sendgate.libraryOverride")?.let(::File) ?: unpacked()
        System.load(library.absolutePath)
    }

    private fun unpacked(): File = Native.extractFromResourcePath("sendgate_ffi", Decisions::class.java.classLoader)

    @JvmStatic external fun admit(limiter: Long, cost: Int, now: Long): Int

    @JvmStatic external fun admitMany(limiter: Long, costs: Long, count: Int, now: Long): Int

    @JvmStatic external fun decide(limiter: Long, cost: Int, now: Long): Long
}

/** Memory outside the heap for numbers on their way, one for each thread. */
private class Place(count: Int) {
    private val bytes: ByteBuffer = ByteBuffer.allocateDirect(count * Int.SIZE_BYTES).order(ByteOrder.nativeOrder())
    val numbers = bytes.asIntBuffer()
    val address: Long = com.sun.jna.Pointer.nativeValue(Native.getDirectBufferPointer(bytes))

    companion object {
        private val places = ThreadLocal<Place>()

        fun of(count: Int): Place {
            val known = places.get()
            if (known != null && known.numbers.capacity() >= count) return known
            return Place(maxOf(count, LEAST)).also(places::set)
        }

        private const val LEAST = 256
    }
}
