//! Why a connection was not made, as far as TLS is the reason.
//!
//! Errors of HTTP clients are a chain whose innermost links say what happened; here it is found and
//! worded. Invariant: whoever reads the sentence knows which side to change.

use rustls::pki_types::ServerName;
use rustls::{CertificateError, Error as TlsError, InvalidMessage};
use std::error::Error;
use std::fmt::Write as _;
use std::io;

/// Why TLS did not come about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Nobody we believe vouches for it.
    #[error("the server's certificate is not from a CA that is trusted here")]
    Untrusted,
    /// It is somebody else's.
    #[error("the server's certificate is not for this address{0}")]
    OtherName(String),
    /// It was good once.
    #[error("the server's certificate has expired{0}")]
    Expired(String),
    /// It will be good.
    #[error("the server's certificate is not valid yet")]
    TooEarly,
    /// It is not what a server shows.
    #[error("the server's certificate cannot be accepted")]
    Unfit,
    /// We speak TLS, it does not.
    #[error("the server does not speak TLS on this port")]
    NoTls,
    /// We do not speak TLS; it does, most likely.
    #[error("the server does not speak plain HTTP on this port; TLS, most likely")]
    NoPlain,
    /// Something else.
    #[error("no agreement with the server on TLS")]
    Other,
}

impl Fault {
    /// What TLS has to do with an error of an HTTP client, if it has.
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(fault) = Self::of_link(error) {
                return Some(fault);
            }
            next = error.source();
        }
        None
    }

    fn of_link(link: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(error) = link.downcast_ref::<TlsError>() {
            return Some(Self::of_tls(error));
        }
        // What the system's errors wrap is not among their sources.
        if let Some(inner) = link.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            return Self::of(inner);
        }
        // Over TLS, the alert of a server comes as an error of TLS.
        link.downcast_ref::<hyper::Error>().filter(|error| error.is_parse()).map(|_| Self::NoPlain)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "rustls adds errors without a new version")]
    fn of_tls(error: &TlsError) -> Self {
        match error {
            TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NoTls,
            TlsError::InvalidCertificate(error) => Self::of_certificate(error),
            _ => Self::Other,
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "rustls adds errors without a new version")]
    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Untrusted,
            CertificateError::NotValidForName => Self::OtherName(String::new()),
            CertificateError::NotValidForNameContext { expected, presented } => {
                Self::OtherName(names(expected, presented))
            }
            CertificateError::Expired => Self::Expired(String::new()),
            CertificateError::ExpiredContext { time, not_after } => {
                let days = time.as_secs().saturating_sub(not_after.as_secs()) / 86_400;
                Self::Expired(format!(", {days} days ago by this machine's clock"))
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::TooEarly
            }
            _ => Self::Unfit,
        }
    }

    /// Stable code; see `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Untrusted => "TL-011",
            Self::OtherName(_) => "TL-012",
            Self::Expired(_) => "TL-013",
            Self::TooEarly => "TL-014",
            Self::Unfit => "TL-015",
            Self::NoTls => "TL-016",
            Self::NoPlain => "TL-017",
            Self::Other => "TL-018",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Untrusted => {
                "name its CA with `--ca FILE` or ROLLOUT_CA; `rolloutd init --tls` made it as \
                 `tls/ca.pem`"
            }
            Self::OtherName(_) => {
                "use a name it is for, or make one that is for this: `rolloutd init --tls=NAME`"
            }
            Self::Expired(_) => "renew it on the server, and look at this machine's clock",
            Self::TooEarly => "look at the clocks of this machine and of the server",
            Self::Unfit => "give the server a certificate of version 3 for servers",
            Self::NoTls => "write the address with http://, or give the daemon a certificate",
            Self::NoPlain => "write the address with https://",
            Self::Other => "look at the daemon's log, at level debug, and at proxies between",
        }
    }

    /// Whether the address is written wrongly, as far as one can say from here.
    pub fn is_of_address(&self) -> bool {
        match self {
            Self::NoTls | Self::NoPlain => true,
            Self::Untrusted
            | Self::OtherName(_)
            | Self::Expired(_)
            | Self::TooEarly
            | Self::Unfit
            | Self::Other => false,
        }
    }
}

/// Most names of a certificate that are shown.
const SHOWN: usize = 5;

fn names(expected: &ServerName<'static>, presented: &[String]) -> String {
    let mut text = format!(" (`{}`)", expected.to_str());
    // As in `DnsName("localhost")`: what is between the quotes, or between the parentheses.
    let bare = |name: &'_ String| {
        let inner = name.split_once('(').map_or(name.as_str(), |(_, inner)| inner);
        let shown = inner.trim_end_matches(')').trim_matches('"');
        shown.chars().filter(|c| c.is_ascii_graphic()).collect::<String>()
    };
    let shown: Vec<_> = presented.iter().take(SHOWN).map(bare).collect();
    if !shown.is_empty() {
        // Writing to a text does not fail.
        let _ = write!(text, " but for {}", shown.join(", "));
    }
    text
}
