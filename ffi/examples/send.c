/* Sends a message to a provider simulator through a Mailroom: send FILE BASE-URL */

#include "sendgate.h"

#include <stdio.h>

static int failed(SendgateError *error) {
    fprintf(stderr, "%s: %s\n", sendgate_error_code(error), sendgate_error_text(error));
    sendgate_error_free(error);
    return 1;
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    char account[512];
    snprintf(account, sizeof account,
             "{\"providers\":[{\"kind\":\"sandbox\",\"credential\":\"KEY\",\"base_url\":\"%s\"}]}", arguments[2]);
    const SendgateSecret secret = {"KEY", "re_anything"};
    const SendgateMailroomOptions options = {
        .path = arguments[1], .account_json = account, .secrets = &secret, .secret_count = 1};
    const char *const message =
        "{\"from\":\"orders@shop.example\",\"to\":[\"ann@example.com\"],\"subject\":\"Order 42\",\"text_body\":\"Soon.\"}";

    SendgateError *error = NULL;
    SendgateMailroom *mailroom = NULL;
    SendgateReceipts *receipts = NULL;
    bool is_empty = false;
    char *trace = NULL;
    if (sendgate_mailroom_open(&options, &mailroom, &error) != SENDGATE_STATUS_OK) return failed(error);
    if (sendgate_mailroom_submit(mailroom, &message, 1, "order-42", &receipts, &error) != SENDGATE_STATUS_OK ||
        sendgate_mailroom_drain(mailroom, 30000, &is_empty, &error) != SENDGATE_STATUS_OK ||
        sendgate_mailroom_trace(mailroom, receipts->receipts[0].message_id, &trace, &error) != SENDGATE_STATUS_OK)
        return failed(error);
    printf("%s\n", trace);
    sendgate_string_free(trace);
    sendgate_receipts_free(receipts);
    sendgate_mailroom_free(mailroom);
    return is_empty ? 0 : 1;
}
