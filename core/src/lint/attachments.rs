//! What providers say about the size of a message and the files they take.

use super::{Found, Severity};
use crate::{message::Message, provider::ProviderKind};
use alloc::format;

/// Files whose name ends in a kind that the provider, or the receivers, refuse.
pub(super) fn check(message: &Message, kind: ProviderKind, found: &mut Found) {
    let Some((blocked, source)) = blocked(kind) else { return };
    for (place, file) in message.attachments.iter().enumerate() {
        let ending = file.filename.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        if ending.is_some_and(|ending| blocked.split(' ').any(|known| known == ending)) {
            let field = format!("attachments[{place}].filename");
            let detail = format!("{} refuses files of this kind; put it where it can be downloaded", kind.as_str());
            found.add(Severity::Error, "attachment_blocked", field, detail, source);
        }
    }
}

/// The endings that a provider documents as refused.
const fn blocked(kind: ProviderKind) -> Option<(&'static str, &'static str)> {
    match kind {
        ProviderKind::Postmark => Some((POSTMARK, "https://postmarkapp.com/developer/user-guide/send-email-with-api")),
        ProviderKind::Resend => {
            Some((RESEND, "https://resend.com/docs/knowledge-base/what-attachment-types-are-not-supported"))
        }
        ProviderKind::Sendgrid
        | ProviderKind::Mailgun
        | ProviderKind::Ses
        | ProviderKind::Cloudflare
        | ProviderKind::CloudflareBinding
        | ProviderKind::Smtp
        | ProviderKind::Brevo
        | ProviderKind::Mailersend
        | ProviderKind::Mailtrap
        | ProviderKind::Sparkpost
        | ProviderKind::Sandbox => None,
    }
}

/// The bytes of a message that a provider documents.
pub(super) const fn most_bytes(kind: ProviderKind) -> Option<(usize, &'static str)> {
    match kind {
        ProviderKind::Postmark => Some((10_000_000, "https://postmarkapp.com/developer/api/email-api")),
        ProviderKind::Cloudflare | ProviderKind::CloudflareBinding => {
            Some((5 * 1_048_576, "https://developers.cloudflare.com/email-service/platform/limits/"))
        }
        // Above the bound that every message has.
        ProviderKind::Sendgrid
        | ProviderKind::Mailgun
        | ProviderKind::Ses
        | ProviderKind::Resend
        | ProviderKind::Smtp
        | ProviderKind::Brevo
        | ProviderKind::Mailersend
        | ProviderKind::Mailtrap
        | ProviderKind::Sparkpost
        | ProviderKind::Sandbox => None,
    }
}

/// "Forbidden File Types" of that page, read on 2026-11-24.
const POSTMARK: &str = "vbs exe bin bat chm com cpl crt hlp hta inf ins isp jse lnk mdb pcd pif reg scr sct shs vbe vba wsf \
    wsh wsl msc msi msp mst";
/// That page's list, read on 2026-11-24.
const RESEND: &str = "adp app asp bas bat cer chm cmd com cpl crt csh der exe fxp gadget hlp hta inf ins isp its js jse ksh lib \
    lnk mad maf mag mam maq mar mas mat mau mav maw mda mdb mde mdt mdw mdz msc msh msh1 msh2 mshxml msh1xml msh2xml msi msp \
    mst ops pcd pif plg prf prg reg scf scr sct shb shs sys ps1 ps1xml ps2 ps2xml psc1 psc2 tmp url vb vbe vbs vps vsmacros \
    vss vst vsw vxd ws wsc wsf wsh xnk";
