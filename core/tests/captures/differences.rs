//! The one table of differences between Sendgate's requests and those of the official SDKs.

/// A difference that is meant: in which captures, at which keys, and why.
pub(crate) struct Difference {
    pub(crate) captures: &'static [&'static str],
    pub(crate) keys: &'static [&'static str],
    pub(crate) reason: &'static str,
}

const RESEND: &[&str] = &["resend-node reference", "resend-python reference"];
const RESEND_BATCH: &[&str] = &["resend-node batch", "resend-python batch"];
const SENDGRID: &[&str] = &["sendgrid-node reference", "sendgrid-python reference"];

pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        captures: &[
            "resend-node reference",
            "resend-node template",
            "resend-node batch",
            "resend-python reference",
            "resend-python batch",
            "postmark-node reference",
            "postmark-node template",
            "postmark-node batch",
            "postmark-node templates",
            "postmarker-python reference",
            "postmarker-python batch",
            "sendgrid-node reference",
            "sendgrid-node templates",
            "sendgrid-python reference",
            "mailgun-node reference",
            "mailgun-node templates",
            "mailgun-python form",
            "mailgun-python files",
        ],
        keys: &["header user-agent"],
        reason: "each sender names itself",
    },
    Difference {
        captures: &[
            "resend-node reference",
            "resend-node template",
            "resend-node batch",
            "mailgun-node reference",
            "mailgun-node templates",
            "mailgun-python form",
            "mailgun-python files",
        ],
        keys: &["header accept"],
        reason: "fetch, axios and requests say */* when nobody asks; we ask for what we read",
    },
    Difference {
        captures: &["resend-node template"],
        keys: &["header idempotency-key"],
        reason: "the capture's caller gave none; Sendgate always sends its message id",
    },
    Difference {
        captures: RESEND_BATCH,
        keys: &["header idempotency-key"],
        reason: "the capture's caller made one up; Sendgate's is a hash of the message ids in their order",
    },
    Difference { captures: RESEND, keys: &["body scheduled_at"], reason: SCHEDULE },
    Difference { captures: SENDGRID, keys: &["body send_at"], reason: SCHEDULE },
    Difference { captures: &["mailgun-node reference"], keys: &["body o:deliverytime"], reason: SCHEDULE },
    Difference {
        captures: RESEND,
        keys: &["body tags[1].name", "body tags[1].value", "body tags[2].name", "body tags[2].value"],
        reason: "Resend has no metadata field; the capture's caller left it out, Sendgate sends it as tags",
    },
    Difference { captures: RESEND, keys: &["body tags[3].name", "body tags[3].value"], reason: ID },
    Difference { captures: &["resend-node template"], keys: &["body tags[0].name", "body tags[0].value"], reason: ID },
    Difference {
        captures: RESEND_BATCH,
        keys: &["body[0].tags[1].name", "body[0].tags[1].value", "body[1].tags[1].name", "body[1].tags[1].value"],
        reason: ID,
    },
    Difference {
        captures: &["postmark-node reference", "postmark-node template", "postmarker-python reference"],
        keys: &["body Metadata.sendgate_id"],
        reason: ID,
    },
    Difference {
        captures: &["postmark-node batch", "postmarker-python batch"],
        keys: &["body[0].Metadata.sendgate_id", "body[1].Metadata.sendgate_id"],
        reason: ID,
    },
    Difference {
        captures: &["postmark-node templates"],
        keys: &["body Messages[0].Metadata.sendgate_id", "body Messages[1].Metadata.sendgate_id"],
        reason: ID,
    },
    Difference { captures: SENDGRID, keys: &["body custom_args.sendgate_id"], reason: ID },
    Difference {
        captures: &["sendgrid-node templates"],
        keys: &["body personalizations[0].custom_args.sendgate_id", "body personalizations[1].custom_args.sendgate_id"],
        reason: ID,
    },
    Difference {
        captures: &["mailgun-node reference", "mailgun-node templates", "mailgun-python form", "mailgun-python files"],
        keys: &["body v:sendgate_id"],
        reason: ID,
    },
    Difference {
        captures: &["sendgrid-node reference"],
        keys: &["header x-order-id", "header list-unsubscribe"],
        reason: "the SDK sends a message's header fields as the request's, too; they belong to the message",
    },
    Difference {
        captures: &["sendgrid-node templates"],
        keys: &["body subject", "body personalizations[0].subject", "body personalizations[1].subject"],
        reason: "the capture's caller gave one for all; Sendgate's messages each have their own, which here are the same",
    },
    Difference {
        captures: &["mailgun-node templates"],
        keys: &["header content-type"],
        reason: "the SDK always sends parts; without files a plain form says the same",
    },
    Difference {
        captures: &["mailgun-node templates"],
        keys: &["body subject", "body recipient-variables"],
        reason: "the capture's caller had the provider fill in names; Sendgate's messages are whole, and only their ids \
                 differ by recipient",
    },
    Difference {
        captures: &["mailgun-python files"],
        keys: &["body attachment.type", "body inline.type"],
        reason: "the SDK does not name the types of files",
    },
];
const SCHEDULE: &str =
    "Sendgate keeps send_at itself, so that suppression and limits are asked when the message leaves";
const ID: &str = "Sendgate's own id goes along, so that events find the message even when its answer was lost";
