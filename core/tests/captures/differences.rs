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

const AMAZON: &[&str] =
    &["boto3-sesv2 reference", "boto3-sesv2 template", "boto3-sesv2 templates", "aws-sdk-js-sesv2 simple"];

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
    Difference {
        captures: AMAZON,
        keys: &["header user-agent", "header amz-sdk-invocation-id", "header amz-sdk-request"],
        reason: "each sender names itself; the rest tells Amazon of an SDK's own retries",
    },
    Difference { captures: AMAZON, keys: &["header accept"], reason: "Amazon's SDKs do not say what they read; we do" },
    Difference {
        captures: AMAZON,
        keys: &["header authorization", "header x-amz-date"],
        reason: "another instant, another host, other header fields signed: that the signatures themselves are the SDKs' \
                 is tested beside the signer",
    },
    Difference {
        captures: &["aws-sdk-js-sesv2 simple"],
        keys: &["header x-amz-content-sha256", "header x-amz-user-agent"],
        reason: "the JavaScript SDK's own; boto3 sends neither, and both ways are legal",
    },
    Difference {
        captures: &["aws-sdk-js-sesv2 simple"],
        keys: &[
            "body Content.Simple.Attachments[0].ContentDisposition",
            "body Content.Simple.Attachments[0].ContentTransferEncoding",
        ],
        reason: "the capture's caller left them to Amazon's defaults, which are the values that Sendgate says",
    },
    Difference {
        captures: &["boto3-sesv2 reference"],
        keys: &["body EmailTags[2].Name", "body EmailTags[2].Value"],
        reason: ID,
    },
    Difference {
        captures: &["boto3-sesv2 template"],
        keys: &["body EmailTags[0].Name", "body EmailTags[0].Value"],
        reason: ID,
    },
    Difference {
        captures: &["aws-sdk-js-sesv2 simple"],
        keys: &["body EmailTags[1].Name", "body EmailTags[1].Value"],
        reason: ID,
    },
    Difference {
        captures: &["boto3-sesv2 templates"],
        keys: &[
            "body BulkEmailEntries[0].ReplacementTags[1].Name",
            "body BulkEmailEntries[0].ReplacementTags[1].Value",
            "body BulkEmailEntries[1].ReplacementTags[0].Name",
            "body BulkEmailEntries[1].ReplacementTags[0].Value",
        ],
        reason: ID,
    },
    Difference {
        captures: &["boto3-sesv2 templates"],
        keys: &[
            "body DefaultContent.Template.TemplateData.name",
            "body BulkEmailEntries[1].ReplacementEmailContent.ReplacementTemplate.ReplacementTemplateData.name",
        ],
        reason: "the capture's caller gave one destination's data as the default; Sendgate's messages have their own",
    },
    Difference {
        captures: &["cloudflare-python reference"],
        keys: &[
            "header user-agent",
            "header api-version",
            "header x-stainless-arch",
            "header x-stainless-async",
            "header x-stainless-lang",
            "header x-stainless-os",
            "header x-stainless-package-version",
            "header x-stainless-read-timeout",
            "header x-stainless-retry-count",
            "header x-stainless-runtime",
            "header x-stainless-runtime-version",
        ],
        reason: "each sender names itself, Cloudflare's SDK at length",
    },
];
const SCHEDULE: &str =
    "Sendgate keeps send_at itself, so that suppression and limits are asked when the message leaves";
const ID: &str = "Sendgate's own id goes along, so that events find the message even when its answer was lost";
