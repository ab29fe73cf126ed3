package io.sendgate.checks

import com.fasterxml.jackson.databind.JsonNode
import com.fasterxml.jackson.databind.ObjectMapper
import io.sendgate.Jitter
import io.sendgate.Retry
import io.sendgate.backoffNext
import io.sendgate.defaultBackoff
import io.sendgate.evaluateVector
import java.io.File
import java.math.BigInteger
import java.time.Duration
import java.time.Instant
import kotlin.system.exitProcess

private val json = ObjectMapper()
private val suites = listOf("address", "backoff", "calendar", "gate", "hold", "lease", "ledger", "limiter", "outcome")

/** The shared vectors from Kotlin: every case through the core, the backoff's through the function as well. */
fun main(arguments: Array<String>) {
    val directory = File(arguments[0])
    val found = directory.list()!!.filter { it.endsWith(".json") && !it.endsWith(".schema.json") }.map { it.removeSuffix(".json") }
    check(found.toSet() == suites.toSet()) { "the suites are $found" }
    var total = 0
    var passed = 0
    var typed = 0
    for (suite in suites) {
        val file = json.readTree(directory.resolve("$suite.json"))
        check(file["total"].asInt() == file["cases"].size()) { suite }
        total += file["cases"].size()
        for (vector in file["cases"]) {
            val want = vector["want"] ?: json.createArrayNode().addAll(vector["steps"].map { it["want"] })
            val got = mutableListOf(json.readTree(evaluateVector(suite, vector.toString())))
            if (suite == "backoff") got.add(backoff(vector)).also { typed += 1 }
            if (got.all { it == want }) passed += 1 else println("$suite ${vector["id"]}\n  want $want\n  got  $got")
        }
    }
    println("of them through the typed functions as well: $typed")
    println("vectors: $passed passed, ${total - passed} failed, 0 skipped")
    if (passed != total || total == 0) exitProcess(1)
}

private fun backoff(vector: JsonNode): JsonNode {
    val given = vector["policy"]
    val usual = defaultBackoff()
    val policy =
        usual.copy(
            baseMs = given["base_ms"]?.let { length(it) } ?: usual.baseMs,
            capMs = given["cap_ms"]?.let { length(it) } ?: usual.capMs,
            maxAttempts = given["max_attempts"]?.asLong() ?: usual.maxAttempts,
            jitter = given["jitter"]?.let { Jitter.valueOf(it.asText().uppercase()) } ?: usual.jitter,
        )
    val hint = vector["hint"]?.takeUnless { it.isNull }?.let { instant(it) }
    val entropy = BigInteger(vector["entropy"].asText()).toLong()
    val answer = json.createObjectNode()
    when (val retry = backoffNext(policy, vector["attempts"].asLong(), hint, entropy, instant(vector["now"]))) {
        is Retry.At -> answer.put("at", retry.retryAt.toEpochMilli())
        is Retry.Exhausted -> answer.putObject("exhausted").put("attempts", retry.attempts)
    }
    // Numbers as the parser has them.
    return json.readTree(answer.toString())
}

private fun parts(number: JsonNode): Array<BigInteger> = BigInteger(number.asText()).divideAndRemainder(BigInteger.valueOf(1000))

private fun instant(number: JsonNode): Instant =
    parts(number).let { (seconds, millis) -> Instant.ofEpochSecond(seconds.toLong(), millis.toLong() * 1_000_000) }

private fun length(number: JsonNode): Duration =
    parts(number).let { (seconds, millis) -> Duration.ofSeconds(seconds.toLong(), millis.toLong() * 1_000_000) }
