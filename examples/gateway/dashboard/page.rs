//! `/`: the page, in one document.

use core::hash::{BuildHasher, Hasher};
use std::collections::hash_map::RandomState;
use std::sync::LazyLock;

use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::response::{Html, IntoResponse};

/// All of it but for the nonce.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    include_str!("page.html").replace("/*STYLE*/", include_str!("page.css")).replace(
        "/*SCRIPT*/",
        concat!(include_str!("charts.js"), include_str!("panels.js"), include_str!("live.js")),
    )
});

pub(super) async fn serve() -> impl IntoResponse {
    let nonce = nonce();
    let headers: [(HeaderName, String); 4] = [
        (CONTENT_SECURITY_POLICY, policy(&nonce)),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".into()),
        (REFERRER_POLICY, "no-referrer".into()),
        (CACHE_CONTROL, "no-store".into()),
    ];
    (headers, Html(PAGE.replace("NONCE", &nonce)))
}

/// Nothing but the page's own style and script, and its own server's events.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// Something that nobody can guess: what `SipHash` makes of nothing, with keys of its own each time.
fn nonce() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_and_needs_nothing_from_elsewhere() {
        for left in ["/*STYLE*/", "/*SCRIPT*/", "http:", "https:", "@import", "<link rel=\"stylesheet", " src="] {
            let found = PAGE.find(left).map(|at| PAGE[at..].lines().next());
            assert_eq!(found.flatten().filter(|line| !line.starts_with("http://www.w3.org/2000/svg")), None);
        }
        assert_eq!(PAGE.matches("NONCE").count(), 2, "one for the style and one for the script");
    }

    #[test]
    fn no_nonce_comes_twice() {
        assert_ne!(nonce(), nonce());
        assert_eq!(nonce().len(), 32);
    }
}
