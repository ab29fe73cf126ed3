package io.sendgate.checks

import io.sendgate.Decision
import io.sendgate.Draft
import io.sendgate.HttpResponse
import io.sendgate.Limiter
import io.sendgate.Mailroom
import io.sendgate.Message
import io.sendgate.Outcome
import io.sendgate.Provider
import io.sendgate.ProviderKind
import io.sendgate.ProviderSettings
import io.sendgate.Request
import io.sendgate.SendgateException
import io.sendgate.Suppressions
import io.sendgate.TransportException
import io.sendgate.Trust
import io.sendgate.suspending
import java.io.File
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpResponse.BodyHandlers
import java.time.Duration
import java.time.Instant
import kotlinx.coroutines.future.await
import kotlinx.coroutines.runBlocking

/** Sends through a Mailroom to the simulator at the first argument, with a transport that suspends, and asks the rest. */
fun main(arguments: Array<String>) = runBlocking {
    val (url, directory) = arguments
    val provider = Provider(ProviderKind.RESEND, ProviderSettings("re_key", baseUrl = url))
    val client = HttpClient.newHttpClient()
    var carried = 0
    val transport =
        suspending { request, timeout ->
            carried += 1
            if (carried == 1) throw TransportException.NotSent()
            val call = java.net.http.HttpRequest.newBuilder(URI(request.url)).timeout(timeout)
            request.headers.forEach { (name, value) -> call.header(name, value) }
            call.method(request.method, java.net.http.HttpRequest.BodyPublishers.ofByteArray(request.body))
            val answer = client.sendAsync(call.build(), BodyHandlers.ofByteArray()).await()
            HttpResponse(answer.statusCode().toLong(), answer.headers().map().mapValues { it.value.first() }, answer.body())
        }
    val message = Message(Draft("orders@shop.example", listOf("ann@example.com"), "Order 42", textBody = "On its way."))
    Mailroom.ofProvider("$directory/kotlin.db", provider, transport = transport).use { mailroom ->
        val receipts = mailroom.submitAsync(listOf(message), "order-42")
        check(mailroom.submit(listOf(message), "order-42") == receipts)
        check(mailroom.drainAsync(Duration.ofSeconds(60)))
        // The first attempt was not sent, so there was a second one.
        check(carried == 2) { "$carried calls" }
        check("\"event\":\"sent\"" in mailroom.trace(receipts.first().messageId!!)!!)
    }
    errorsHaveTheirData(provider)
    theRest(provider, message)
    println("kotlin: sent through Mailroom, errors with their data, and the rest")
}

private fun errorsHaveTheirData(provider: Provider) {
    val faults = caught<SendgateException.InvalidMessage> { Message(Draft("nobody", listOf("ann@example.com"), "Hi")) }.faults
    check(faults.first().field == "from")
    val template = Message(Draft("a@shop.example", listOf("ann@example.com"), template = io.sendgate.Template("t", "{}")))
    val mailServer = Provider(ProviderKind.SMTP, ProviderSettings("user:word", baseUrl = "smtp://127.0.0.1:2525"))
    val gap = caught<SendgateException.UnsupportedFeature> { mailServer.build(template, "m1", noon) }
    check(gap.provider == "smtp" && gap.feature.isNotEmpty() && gap.code.isNotEmpty())
    caught<SendgateException.WebhookRefused> {
        provider.parseWebhook(mapOf(), "{}".toByteArray(), Trust(listOf("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")), noon)
    }
    caught<SendgateException.InvalidPolicy> { Limiter("{}") }
    val one = Message(Draft("a@shop.example", listOf("ann@example.com"), "Hi", textBody = "Hello"))
    val minute = """"account_windows":[{"kind":"sliding","name":"minute","limit":1,"period_ms":60000}]"""
    val late = caught<SendgateException.RateLimited> { twice(minute, one) }
    check(late.code == "rate_limit_exceeded" && late.window == "minute" && late.retryAt!! > Instant.now().minusSeconds(1))
    val spent = caught<SendgateException.QuotaExceeded> { twice(""""quotas":[{"period":"month","limit":1}]""", one) }
    check(spent.code == "quota_monthly" && spent.period == "month" && spent.retryAt!! > Instant.now()) { "$spent" }
}

private fun twice(limits: String, message: Message) {
    val file = File.createTempFile("sendgate", ".db")
    try {
        Mailroom(file.path, """{"providers":[{"kind":"resend","credential":"K"}],$limits}""", mapOf("K" to "re_key")).use {
            it.submit(listOf(message))
            it.submit(listOf(message))
        }
    } finally {
        listOf("", "-wal", "-shm").forEach { File(file.path + it).delete() }
    }
}

private fun theRest(provider: Provider, message: Message) {
    val request = provider.build(message, "order-42", noon) as Request.Http
    check(request.request.url.endsWith("/emails") && "re_key" in request.request.headers.getValue("Authorization"))
    check("re_key" !in provider.toString())
    val answer = provider.classify(HttpResponse(429, mapOf("retry-after" to "2"), "{}".toByteArray()), noon)
    check(answer.outcome == Outcome.Throttled(noon.plusSeconds(2))) { "$answer" }
    val limiter = Limiter("""{"windows":[{"kind":"sliding","name":"second","limit":2,"period_ms":1000}]}""")
    check(limiter.admitMany(intArrayOf(1, 1, 1), noon).toList() == listOf(true, true, false))
    check(limiter.decide(1, noon) == Decision.Defer(noon.plusSeconds(1), 0))
    val suppressed = Suppressions(listOf("Ann@EXAMPLE.com"))
    check(suppressed.contains("ann@example.com") && !suppressed.contains("bob@example.com"))
    check(Suppressions.fromBytes(suppressed.toBytes(), suppressed.key()).size() == 1L)
}

private inline fun <reified E : SendgateException> caught(work: () -> Any?): E =
    try {
        work()
        error("nothing was thrown")
    } catch (expected: SendgateException) {
        expected as? E ?: throw expected
    }

// 2026-12-01T12:00:00Z
private val noon = Instant.ofEpochMilli(1_796_126_400_000)
