//! What axe-core, <https://github.com/dequelabs/axe-core>, and a small screen find wrong with a page.

use std::{fs, path::Path, sync::OnceLock};

use serde_json::{Value, json};

use super::Browser;

impl Browser<'_> {
    /// Fails if axe-core finds a violation, or if the page is wider than the window; in light and in dark. `state` names
    /// what is shown. For Chromium.
    #[track_caller]
    pub fn audit(&self, state: &str) {
        for scheme in ["light", "dark"] {
            self.prefer(scheme);
            if self.run("return typeof axe", &[]) == "undefined" {
                self.run(axe(), &[]);
            }
            let found = self.run_async(AXE, &[]);
            assert!(
                found["passes"].as_u64() > Some(10),
                "axe-core looked at nothing: {found}"
            );
            assert_eq!(
                found["violations"],
                json!([]),
                "{state}, {scheme}: {:#}",
                found["violations"]
            );
            let widths =
                "const root = document.documentElement; return [root.scrollWidth, innerWidth]";
            let widths = self.run(widths, &[]);
            assert!(
                widths[0].as_u64() <= widths[1].as_u64(),
                "{state} scrolls sideways: {widths}"
            );
        }
    }

    /// Whether the page is to be `light` or `dark`. For Chromium.
    #[track_caller]
    pub fn prefer(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": [feature] }),
        );
        let dark = self.run(
            "return matchMedia('(prefers-color-scheme: dark)').matches",
            &[],
        );
        assert_eq!(dark, Value::Bool(scheme == "dark"));
    }
}

/// What `npm pack axe-core` brings; `tests/run` does.
fn axe() -> &'static str {
    static AXE: OnceLock<String> = OnceLock::new();
    AXE.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let path = root.join("target/tmp/axe-core/package/axe.min.js");
        fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; tests/run brings it", path.display()))
    })
}

const AXE: &str = "
    const done = arguments[0];
    axe.run(document, { resultTypes: ['violations'] }).then(
        ({ violations, passes }) => done({
            passes: passes.length,
            violations: violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map((node) => node.html) })),
        }),
        (error) => done({ passes: 0, violations: String(error) }),
    );
";
