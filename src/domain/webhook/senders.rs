//! The senders that a hook can name instead of describing its authentication.

use super::authentication::{
    HmacAlgorithm, HookAuthentication, SignatureEncoding, SignatureScheme, SignedPart, SignedTime,
};
use crate::domain::timestamp::{MINUTE, Milliseconds};

/// Senders with a timestamp send a request within seconds, and HubSpot asks for this tolerance.
pub const DEFAULT_TOLERANCE: Milliseconds = 5 * MINUTE;

/// How a system sends webhooks.
#[derive(Clone, Copy, Debug)]
pub struct WebhookSender {
    /// The value of the key `auth`.
    pub name: &'static str,
    pub proof: SenderProof,
    /// Headers that become headers of the record, because presets or people read them.
    pub headers: &'static [&'static str],
    /// The page of the vendor that describes the proof.
    pub source: &'static str,
}

/// The proof of a sender. Names of headers are in lower case.
#[derive(Clone, Copy, Debug)]
pub enum SenderProof {
    Signature {
        header: &'static str,
        algorithm: HmacAlgorithm,
        encoding: SignatureEncoding,
        prefix: &'static str,
        timestamp_header: Option<&'static str>,
        signed: &'static str,
    },
    Header(&'static str),
    Basic,
}

impl WebhookSender {
    pub fn find(name: &str) -> Option<Self> {
        WEBHOOK_SENDERS
            .into_iter()
            .find(|sender| sender.name == name)
    }

    /// `username` is for senders that log in with a user name.
    pub fn authentication(&self, username: &str) -> HookAuthentication {
        match self.proof {
            SenderProof::Basic => HookAuthentication::Basic {
                username: username.to_owned(),
            },
            SenderProof::Header(header) => HookAuthentication::Header(header.to_owned()),
            SenderProof::Signature {
                header,
                algorithm,
                encoding,
                prefix,
                timestamp_header,
                signed,
            } => HookAuthentication::Signature(SignatureScheme {
                header: header.to_owned(),
                algorithm,
                encoding,
                prefix: prefix.to_owned(),
                time: timestamp_header.map(|header| SignedTime {
                    header: header.to_owned(),
                    tolerance: DEFAULT_TOLERANCE,
                }),
                // A test parses every template, so there are no errors.
                signed: SignedPart::parse(signed).unwrap_or_default(),
            }),
        }
    }
}

use HmacAlgorithm::{Sha1, Sha256};
use SignatureEncoding::{Base64, Hex};

/// A signature of the body alone, in hexadecimal digits.
const fn of_body(
    header: &'static str,
    algorithm: HmacAlgorithm,
    prefix: &'static str,
) -> SenderProof {
    SenderProof::Signature {
        header,
        algorithm,
        encoding: Hex,
        prefix,
        timestamp_header: None,
        signed: "{body}",
    }
}

pub const WEBHOOK_SENDERS: [WebhookSender; 11] = [
    WebhookSender {
        name: "chatwoot",
        proof: SenderProof::Signature {
            header: "x-chatwoot-signature",
            algorithm: Sha256,
            encoding: Hex,
            prefix: "sha256=",
            timestamp_header: Some("x-chatwoot-timestamp"),
            signed: "{timestamp}.{body}",
        },
        headers: &["x-chatwoot-delivery"],
        source: "https://www.chatwoot.com/hc/user-guide/articles/1677693021-how-to-use-webhooks",
    },
    WebhookSender {
        name: "freshdesk",
        proof: SenderProof::Basic,
        headers: &[],
        source: "https://support.freshdesk.com/support/solutions/articles/132589-using-webhooks-in-automation-rules",
    },
    WebhookSender {
        name: "freshservice",
        proof: SenderProof::Basic,
        headers: &[],
        source: "https://support.freshservice.com/support/solutions/articles/154115-webhook-node-in-workflow-automator",
    },
    WebhookSender {
        name: "github",
        proof: of_body("x-hub-signature-256", Sha256, "sha256="),
        headers: &["x-github-event", "x-github-delivery"],
        source: "https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries",
    },
    WebhookSender {
        name: "gitlab",
        proof: SenderProof::Header("x-gitlab-token"),
        headers: &["x-gitlab-event", "x-gitlab-event-uuid", "idempotency-key"],
        source: "https://docs.gitlab.com/user/project/integrations/webhooks/",
    },
    WebhookSender {
        name: "hubspot",
        proof: SenderProof::Signature {
            header: "x-hubspot-signature-v3",
            algorithm: Sha256,
            encoding: Base64,
            prefix: "",
            timestamp_header: Some("x-hubspot-request-timestamp"),
            signed: "{method}{url}{body}{timestamp}",
        },
        headers: &[],
        source: "https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation",
    },
    WebhookSender {
        name: "intercom",
        proof: of_body("x-hub-signature", Sha1, "sha1="),
        headers: &[],
        source: "https://developers.intercom.com/docs/webhooks/webhook-notifications",
    },
    WebhookSender {
        name: "jira",
        proof: of_body("x-hub-signature", Sha256, "sha256="),
        headers: &["x-atlassian-webhook-identifier"],
        source: "https://developer.atlassian.com/cloud/jira/platform/webhooks/#secure-admin-webhooks",
    },
    WebhookSender {
        name: "servicenow",
        proof: SenderProof::Basic,
        headers: &[],
        source: "https://www.servicenow.com/docs/csh?topicname=c_OutboundRESTAuthentication.html",
    },
    WebhookSender {
        name: "zammad",
        proof: of_body("x-hub-signature", Sha1, "sha1="),
        headers: &["x-zammad-trigger", "x-zammad-delivery"],
        source: "https://admin-docs.zammad.org/en/latest/manage/webhook/payload.html",
    },
    WebhookSender {
        name: "zendesk",
        proof: SenderProof::Signature {
            header: "x-zendesk-webhook-signature",
            algorithm: Sha256,
            encoding: Base64,
            prefix: "",
            timestamp_header: Some("x-zendesk-webhook-signature-timestamp"),
            signed: "{timestamp}{body}",
        },
        headers: &["x-zendesk-webhook-id", "x-zendesk-webhook-invocation-id"],
        source: "https://developer.zendesk.com/documentation/webhooks/verifying/",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_are_in_order_and_their_templates_are_valid() {
        assert!(WEBHOOK_SENDERS.is_sorted_by_key(|sender| sender.name));
        for sender in WEBHOOK_SENDERS {
            assert!(sender.source.starts_with("https://"), "{}", sender.name);
            let header = match sender.proof {
                SenderProof::Signature { header, signed, .. } => {
                    SignedPart::parse(signed).unwrap();
                    header
                }
                SenderProof::Header(header) => header,
                SenderProof::Basic => "authorization",
            };
            for name in sender.headers.iter().chain([&header]) {
                assert_eq!(*name, name.to_lowercase());
            }
        }
    }
}
