package io.sendgate

import java.nio.file.Path
import java.time.Duration
import java.time.Instant
import java.util.concurrent.CompletableFuture
import kotlinx.coroutines.runBlocking

/**
 * Puts a message together, for Java; Kotlin has [Draft] with names for its arguments.
 *
 * ```java
 * Message message = new MessageBuilder("orders@shop.example", "ann@example.com")
 *     .subject("Order 42").textBody("On its way.").build();
 * ```
 */
class MessageBuilder(from: String, vararg to: String) {
    private var draft = Draft(from = from, to = to.asList())

    fun subject(subject: String) = with { copy(subject = subject) }

    fun textBody(text: String) = with { copy(textBody = text) }

    fun htmlBody(html: String) = with { copy(htmlBody = html) }

    fun cc(vararg mailboxes: String) = with { copy(cc = cc + mailboxes) }

    fun bcc(vararg mailboxes: String) = with { copy(bcc = bcc + mailboxes) }

    fun replyTo(vararg mailboxes: String) = with { copy(replyTo = replyTo + mailboxes) }

    fun header(name: String, value: String) = with { copy(headers = headers + (name to value)) }

    fun attach(attachment: Attachment) = with { copy(attachments = attachments + attachment) }

    fun tag(tag: String) = with { copy(tags = tags + tag) }

    fun metadata(name: String, value: String) = with { copy(metadata = metadata + (name to value)) }

    fun mailClass(mailClass: MailClass) = with { copy(mailClass = mailClass) }

    fun sendAt(instant: Instant) = with { copy(sendAt = instant) }

    fun expiresAt(instant: Instant) = with { copy(expiresAt = instant) }

    fun template(id: String, dataJson: String) = with { copy(template = Template(id, dataJson)) }

    fun trackOpens(track: Boolean) = with { copy(trackOpens = track) }

    fun trackClicks(track: Boolean) = with { copy(trackClicks = track) }

    fun stream(stream: String) = with { copy(stream = stream) }

    fun providerOptions(provider: String, json: String) = with { copy(providerOptions = providerOptions + (provider to json)) }

    /** The message, checked. [SendgateException.InvalidMessage] has every fault of it. */
    @Throws(SendgateException::class)
    fun build(): Message = Message(draft)

    private inline fun with(change: Draft.() -> Draft): MessageBuilder = apply { draft = draft.change() }
}

/** What Java has no default arguments and no coroutines for. */
object Sendgate {
    /** A provider that needs its key alone, at its usual place. */
    @JvmStatic
    @Throws(SendgateException::class)
    fun provider(kind: ProviderKind, credential: String): Provider = Provider(kind, ProviderSettings(credential))

    /** A provider at another place, such as a simulator. */
    @JvmStatic
    @Throws(SendgateException::class)
    fun provider(kind: ProviderKind, credential: String, baseUrl: String): Provider =
        Provider(kind, ProviderSettings(credential, baseUrl))

    /** A durable sender on a file for one provider. [transport] carries its requests; null for the built-in one. */
    @JvmStatic
    @JvmOverloads
    @Throws(SendgateException::class)
    fun mailroom(file: Path, provider: Provider, transport: Transport? = null): Mailroom =
        Mailroom.ofProvider(file.toString(), provider, transport = transport)

    /** Stores messages for delivery, on another thread. */
    @JvmStatic
    @JvmOverloads
    fun submitAsync(mailroom: Mailroom, messages: List<Message>, idempotencyKey: String? = null): CompletableFuture<List<Receipt>> =
        CompletableFuture.supplyAsync { mailroom.submit(messages, idempotencyKey) }

    /** Delivers until nothing waits, or for so long, on another thread. */
    @JvmStatic
    @JvmOverloads
    fun drainAsync(mailroom: Mailroom, timeout: Duration? = null): CompletableFuture<Boolean> =
        CompletableFuture.supplyAsync { mailroom.drain(timeout) }
}

/** A transport that suspends. Each call waits on the thread that Sendgate keeps for it, and holds up no other. */
fun suspending(carry: suspend (request: HttpRequest, timeout: Duration) -> HttpResponse): Transport =
    object : Transport {
        override fun carry(request: HttpRequest, timeout: Duration): HttpResponse = runBlocking { carry(request, timeout) }
    }
