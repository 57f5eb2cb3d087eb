//! The browsers, and what is different about each: how it is started, warns of a certificate and stores a download.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use super::{Browser, Element, driver::Driver};
use crate::{Process, Space};

/// Which browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Chromium with chromedriver.
    Chromium,
    /// Chromium that says it is a phone of 360 by 740 pixels with a touch screen.
    Phone,
    /// Firefox with geckodriver.
    Firefox,
    /// WebKitGTK's MiniBrowser with WebKitWebDriver, at a display of its own.
    WebKit,
}

impl Kind {
    /// The driver of this browser; everything it and the browser keep is below `home`.
    pub(super) fn driver(self, space: &Space, home: &Path, display: Option<&str>) -> Command {
        let port = Driver::PORT;
        let (program, port) = match self {
            Self::Chromium | Self::Phone => ("chromedriver", format!("--port={port}")),
            Self::Firefox => ("geckodriver", format!("--port={port}")),
            Self::WebKit => ("WebKitWebDriver", format!("--port={port}")),
        };
        let mut command = space.command(program);
        command.arg(port).env("HOME", home).env("TMPDIR", home);
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
            command.env_remove(variable);
        }
        if let Some(display) = display {
            let config = home.join(".config");
            fs::create_dir_all(&config).unwrap();
            fs::write(
                config.join("user-dirs.dirs"),
                "XDG_DOWNLOAD_DIR=\"$HOME/downloads\"\n",
            )
            .unwrap();
            command
                .env("DISPLAY", display)
                .env("GDK_BACKEND", "x11")
                .env("GSETTINGS_BACKEND", "memory")
                .env("LIBGL_ALWAYS_SOFTWARE", "1");
        }
        command
    }

    /// The X server that a browser without a headless mode draws on, and its display.
    pub(super) fn screen(self, space: &Space) -> Option<(Process, String)> {
        if self != Self::WebKit {
            return None;
        }
        let mut command = space.command("Xvfb");
        command.args(["-displayfd", "1", "-nolisten", "tcp"]);
        command.args(["-screen", "0", "1024x900x24"]);
        let server = Process::start(command);
        let display = server.wait_for("display", |stdout, _| {
            stdout
                .ends_with('\n')
                .then(|| format!(":{}", stdout.trim()))
        });
        Some((server, display))
    }

    /// What a new session is asked for: section 7 of W3C WebDriver. Nowhere is it asked to trust a certificate.
    pub(super) fn capabilities(self, home: &Path, downloads: &Path) -> Value {
        match self {
            Self::Chromium | Self::Phone => {
                let mut options = json!({
                    "args": [
                        "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                        "--disable-background-networking", "--disable-component-update", "--disable-sync",
                        format!("--user-data-dir={}", home.join("profile").display()),
                    ],
                    "prefs": { "download.default_directory": downloads, "download.prompt_for_download": false,
                        "profile.default_content_setting_values.automatic_downloads": 1 },
                });
                if self == Self::Phone {
                    let metrics =
                        json!({ "width": 360, "height": 740, "pixelRatio": 1.5, "touch": true });
                    options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
                }
                json!({ "browserName": "chrome", "acceptInsecureCerts": false, "goog:chromeOptions": options,
                    "goog:loggingPrefs": { "browser": "ALL" } })
            }
            Self::Firefox => json!({
                "browserName": "firefox", "acceptInsecureCerts": false,
                "moz:firefoxOptions": {
                    "binary": "/usr/bin/firefox-esr",
                    "args": ["-headless"],
                    "prefs": {
                        // else the click on the warning's button is swallowed
                        "security.dialog_enable_delay": 0,
                        "browser.download.folderList": 2,
                        "browser.download.dir": downloads,
                        "browser.download.alwaysOpenPanel": false,
                        "devtools.console.stdout.content": true,
                    },
                },
            }),
            Self::WebKit => json!({
                "browserName": "MiniBrowser",
                "webkitgtk:browserOptions": { "binary": mini_browser(), "args": ["--automation"] },
            }),
        }
    }
}

impl Browser<'_> {
    /// Lets pages store files without asking: on plain http Chromium asks for each.
    pub(super) fn allow_downloads(&self) {
        if matches!(self.kind, Kind::Chromium | Kind::Phone) {
            let directory = self.home.path().join("downloads");
            self.devtools(
                "Browser.setDownloadBehavior",
                json!({ "behavior": "allow", "downloadPath": directory }),
            );
        }
    }

    /// Whether Chromium shows its warning; the others refuse to navigate instead.
    pub(super) fn warns(&self) -> bool {
        matches!(self.kind, Kind::Chromium | Kind::Phone)
            && self.run("return location.protocol", &[]) == "chrome-error:"
    }

    /// Clicks through the warning that is shown, as a person would.
    #[track_caller]
    pub(super) fn accept_certificate(&self) {
        match self.kind {
            Kind::Chromium | Kind::Phone => {
                self.warning_button("#details-button").click();
                self.warning_button("#proceed-link").click();
                self.wait_for("a page behind its warning", || {
                    (!self.warns()).then_some(())
                });
            }
            Kind::Firefox => {
                let card = self.warning_button("net-error-card");
                card.within_shadow("#advanced-button").click();
                let proceed = card.within_shadow("#exception-button");
                // a click that comes while the rest still unfolds goes nowhere
                self.wait_for("a page behind its warning", || {
                    let gone = proceed.try_click().is_err();
                    (gone && self.select("net-error-card").is_empty()).then_some(())
                });
            }
            Kind::WebKit => panic!("MiniBrowser has no way through a warning"),
        }
    }

    #[track_caller]
    fn warning_button(&self, css: &str) -> Element<'_> {
        self.wait_for(css, || self.select(css).pop())
    }
}

/// WebKitGTK's browser is not on the PATH.
fn mini_browser() -> PathBuf {
    let libraries = fs::read_dir("/usr/lib").unwrap().flatten();
    let mut found: Vec<_> = libraries
        .flat_map(|directory| {
            fs::read_dir(directory.path())
                .into_iter()
                .flatten()
                .flatten()
        })
        .filter(|entry| {
            entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(b"webkit2gtk-")
        })
        .map(|entry| entry.path().join("MiniBrowser"))
        .filter(|path| path.exists())
        .collect();
    found.pop().expect("install webkit2gtk-driver")
}
