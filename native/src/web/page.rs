//! What every request must be like, what every answer says about itself, and the files of the page.

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{self, HOST},
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tower_service::Service;

use super::{Site, assets, door::Guest, fetch, hex, lane};

/// Everything that can be asked for.
pub(super) fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/hayate.json", get(facts))
        .route("/lane", post(lane::open))
        .route("/wire", post(fetch::open))
        .route("/wire/{id}", get(fetch::body))
        .route("/wire/{id}/{number}", post(fetch::bytes))
        .route("/wire/{id}/close/{code}", post(fetch::close))
        .fallback(file)
        .with_state(site)
}

/// Answers one request of `guest`.
pub(super) async fn answer(
    mut router: Router,
    port: u16,
    guest: Guest,
    webtransport: Option<u16>,
    mut request: Request,
) -> Result<Response, Infallible> {
    let policy = policy(&guest, port, webtransport);
    let secure = guest.secure;
    let mut response = match check(&guest, port, &request) {
        Err(refusal) => refusal.into_response(),
        Ok(()) => {
            request.extensions_mut().insert(guest);
            router.call(request).await?
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if secure {
        for (name, value) in SECURE_HEADERS {
            let name = HeaderName::from_static(name);
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    Ok(response)
}

/// A refusal in words.
pub(super) type Refusal = (StatusCode, &'static str);

fn check(guest: &Guest, port: u16, request: &Request) -> Result<(), Refusal> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        _ => return Err((StatusCode::BAD_REQUEST, "One Host header is needed.\n")),
    };
    let target = request.uri().authority();
    let same = target.is_none_or(|target| target.as_str().eq_ignore_ascii_case(host));
    if !same || !is_own(host, guest, port) {
        // Another name for this address is how a foreign page would get in (DNS rebinding).
        return Err((
            StatusCode::MISDIRECTED_REQUEST,
            "Open the page by the address that the sender shows.\n",
        ));
    }
    let path = request.uri().path();
    // Not what merely begins so, as a file of the page does.
    let parts = |root: &str| {
        let rest = path.strip_prefix(root);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match parts("/wire") || parts("/lane") {
        true => check_wire(guest, host, request.headers()),
        false => Ok(()),
    }
}

/// Whether `host` is the address that the connection came to.
fn is_own(host: &str, guest: &Guest, port: u16) -> bool {
    let (name, number) = match host.rsplit_once(':') {
        Some((name, number)) if !number.ends_with(']') => (name, number.parse().ok()),
        _ => (host, Some(if guest.secure { 443 } else { 80 })),
    };
    let local = guest.local.is_loopback() && name.eq_ignore_ascii_case("localhost");
    number == Some(port) && (local || literal(name) == Some(guest.local))
}

fn literal(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => host.parse().ok().map(IpAddr::V4),
    }
}

/// A wire is for the page itself: the header makes a browser ask first whether a foreign page may send it, and nobody
/// ever answers that it may.
fn check_wire(guest: &Guest, host: &str, headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let scheme = if guest.secure { "https" } else { "http" };
    let foreign = text("origin").is_some_and(|origin| {
        let own = origin
            .strip_prefix(scheme)
            .and_then(|rest| rest.strip_prefix("://"));
        own.is_none_or(|own| !own.eq_ignore_ascii_case(host))
    });
    if foreign || text("sec-fetch-site").is_some_and(|site| site != "same-origin") {
        return Err((
            StatusCode::FORBIDDEN,
            "Only the page of this address may do this.\n",
        ));
    }
    match text("hayate") {
        Some("7") => Ok(()),
        Some(_) => Err((
            StatusCode::FORBIDDEN,
            "This sender speaks version 7: load the page again.\n",
        )),
        None => Err((
            StatusCode::FORBIDDEN,
            "The header \"Hayate: 7\" is missing.\n",
        )),
    }
}

/// The hash of the one script within `index.html` (CSP Level 3, 2.3.1), which says so when the others did not arrive.
const INLINE: &str = "sha256-Noqrraf/3O3RNFBKVD/CWlSXV/kIuI/bf/HMteVIg9U=";

/// What the page may load, run and reach.
fn policy(guest: &Guest, port: u16, webtransport: Option<u16>) -> HeaderValue {
    let reach = match (guest.local, webtransport) {
        // On its own port it is 'self'. IPv6 addresses are no sources for this header.
        (IpAddr::V4(ip), Some(udp)) if udp != port => format!(" https://{ip}:{udp}"),
        _ => String::new(),
    };
    let policy = format!(
        "default-src 'none'; script-src 'self' '{INLINE}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; \
         connect-src 'self'{reach}; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types hayate"
    );
    HeaderValue::try_from(policy).expect("addresses and numbers are visible ASCII")
}

/// What the page has to know to open a WebTransport session.
async fn facts(State(site): State<Arc<Site>>) -> Response {
    let certificate = hex(&site.certificate);
    let webtransport = site
        .webtransport
        .map_or_else(|| "null".into(), |port| port.to_string());
    let facts = format!(
        "{{\"version\":7,\"certificate\":\"{certificate}\",\"webtransport\":{webtransport}}}\n"
    );
    ([(header::CONTENT_TYPE, "application/json")], facts).into_response()
}

async fn file(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let Some(asset) = assets::find(uri.path()) else {
        return (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response();
    };
    if method != Method::GET && method != Method::HEAD {
        let allow = [(header::ALLOW, "GET, HEAD")];
        return (StatusCode::METHOD_NOT_ALLOWED, allow).into_response();
    }
    let kind = (header::CONTENT_TYPE, asset.kind);
    let vary = (header::VARY, "accept-encoding");
    match asset.gzip().filter(|_| takes_gzip(&headers)) {
        Some(packed) => {
            let gzip = (header::CONTENT_ENCODING, "gzip");
            ([kind, vary, gzip], Body::from(packed)).into_response()
        }
        None => ([kind, vary], Body::from(asset.plain())).into_response(),
    }
}

/// Whether gzip is welcome (RFC 9110, 12.5.3): named, and not with a weight of zero.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .any(|value| {
            value.split(',').any(|coding| {
                let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
                let zero = weight
                    .trim()
                    .strip_prefix("q=")
                    .is_some_and(|q| q.parse() == Ok(0.0));
                name.trim().eq_ignore_ascii_case("gzip") && !zero
            })
        })
}

const HEADERS: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// Browsers complain about these on plain http, where they mean nothing.
const SECURE_HEADERS: [(&str, &str); 3] = [
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn guest(local: &str, secure: bool) -> Guest {
        let local = local.parse().unwrap();
        Guest::new(([192, 0, 2, 9], 40_000).into(), local, secure)
    }

    #[test]
    fn only_the_address_of_the_connection_is_a_host() {
        let lan = guest("192.0.2.1", true);
        for (host, own) in [
            ("192.0.2.1:50001", true),
            ("192.0.2.1:50002", false),
            ("192.0.2.1", false),
            ("192.0.2.2:50001", false),
            ("localhost:50001", false),
            ("evil.example:50001", false),
            ("192.0.2.1.evil.example:50001", false),
            ("[::ffff:192.0.2.1]:50001", false),
            ("", false),
            (":50001", false),
        ] {
            assert_eq!(is_own(host, &lan, 50_001), own, "{host}");
        }
        assert!(is_own(
            "LocalHost:50001",
            &guest("127.0.0.1", false),
            50_001
        ));
        assert!(is_own(
            "[fd12::20]:50001",
            &guest("fd12::20", false),
            50_001
        ));
        assert!(is_own("[fd12::20]", &guest("fd12::20", true), 443));
        assert!(is_own("192.0.2.1", &guest("192.0.2.1", false), 80));
    }

    #[test]
    fn a_wire_is_for_the_page_itself() {
        let check = |headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            });
            check_wire(
                &guest("192.0.2.1", true),
                "192.0.2.1:50001",
                &headers.collect(),
            )
            .is_ok()
        };
        assert!(check(&[("hayate", "7")]));
        assert!(check(&[
            ("hayate", "7"),
            ("origin", "https://192.0.2.1:50001")
        ]));
        assert!(check(&[("hayate", "7"), ("sec-fetch-site", "same-origin")]));
        for wrong in [
            ("origin", "https://evil.example"),
            ("origin", "http://192.0.2.1:50001"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("hayate", "6"),
        ] {
            assert!(!check(
                &[("hayate", "7"), wrong][usize::from(wrong.0 == "hayate")..]
            ));
        }
        assert!(!check(&[]));
    }

    #[test]
    fn the_page_reaches_its_sender_and_nobody_else() {
        let reach = |local: &str, webtransport| {
            let policy = policy(&guest(local, true), 50_001, webtransport);
            let policy = policy.to_str().unwrap().to_owned();
            let mut rules = policy.split("; ");
            rules
                .find(|rule| rule.starts_with("connect-src"))
                .map(str::to_owned)
        };
        let own = Some("connect-src 'self'".to_owned());
        assert_eq!(reach("192.0.2.1", Some(50_001)), own);
        assert_eq!(reach("192.0.2.1", None), own);
        assert_eq!(reach("fd12::20", Some(50_003)), own);
        let other = "connect-src 'self' https://192.0.2.1:50003".to_owned();
        assert_eq!(reach("192.0.2.1", Some(50_003)), Some(other));
    }

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        for (value, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("identity", false),
        ] {
            let headers = [(header::ACCEPT_ENCODING, HeaderValue::from_static(value))];
            assert_eq!(takes_gzip(&headers.into_iter().collect()), takes, "{value}");
        }
    }
}
