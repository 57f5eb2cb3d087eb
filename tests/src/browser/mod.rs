//! Real browsers, headless, driven over W3C WebDriver as a person would drive them: by what elements are called.
//!
//! A browser lives on a machine of the test's network. It is never told to trust a certificate: its warning is clicked
//! through.

mod audit;
mod driver;
mod element;
mod kind;
mod receiving;
mod storage;

pub use driver::Refusal;
pub use element::Element;
pub use kind::Kind;
pub use storage::Memory;

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Process, Space, process::PATIENCE};
use driver::Driver;

/// A running browser with one tab; ended when dropped.
#[derive(Debug)]
pub struct Browser<'net> {
    kind: Kind,
    space: &'net Space,
    /// `/session/ID`
    session: String,
    driver: Driver<'net>,
    _screen: Option<Process>,
    home: TempDir,
}

impl<'net> Browser<'net> {
    /// Starts a browser with a fresh profile on the machine `space`.
    pub fn start(kind: Kind, space: &'net Space) -> Self {
        space.settle();
        let home = tempfile::Builder::new().prefix("hybrowser").tempdir();
        let home = home.unwrap();
        let downloads = home.path().join("downloads");
        fs::create_dir(&downloads).unwrap();
        let screen = kind.screen(space);
        let display = screen.as_ref().map(|(_, display)| &**display);
        let driver = Driver::start(space, kind.driver(space, home.path(), display));
        let wanted = kind.capabilities(home.path(), &downloads);
        let wanted = json!({ "capabilities": { "alwaysMatch": wanted } });
        let started = driver.command("POST", "/session", Some(&wanted));
        let started = started.unwrap_or_else(|refusal| panic!("no {kind:?}: {refusal}"));
        let browser = Self {
            kind,
            space,
            session: format!("/session/{}", started["sessionId"].as_str().unwrap()),
            driver,
            _screen: screen.map(|(server, _)| server),
            home,
        };
        browser.allow_downloads();
        browser
    }

    /// Which browser it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Goes to `url`, and through the warning of its certificate if one comes.
    #[track_caller]
    pub fn open(&self, url: &str) {
        match self.try_post("/url", &json!({ "url": url })) {
            Ok(_) if !self.warns() => {}
            Ok(_) => self.accept_certificate(),
            Err(refusal) if refusal.error == "insecure certificate" => self.accept_certificate(),
            Err(refusal) => panic!("{url}: {refusal}"),
        }
    }

    /// Loads the page again.
    pub fn reload(&self) {
        self.post("/refresh", &json!({}));
    }

    /// Closes the tab, and with it the browser.
    pub fn close(self) {
        self.delete("/window");
    }

    /// Runs `script`, the body of a function, in the page: what it returns.
    #[track_caller]
    pub fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.post(
            "/execute/sync",
            &json!({ "script": script, "args": arguments }),
        )
    }

    /// Runs `script`, the body of a function whose last argument is to be called with the result.
    #[track_caller]
    pub fn run_async(&self, script: &str, arguments: &[Value]) -> Value {
        let body = json!({ "script": script, "args": arguments });
        self.post("/execute/async", &body)
    }

    /// A command of the Chrome DevTools Protocol; for Chromium alone.
    #[track_caller]
    pub fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.post("/goog/cdp/execute", &body)
    }

    /// Presses and lets go keys, one after the other, wherever the focus is; `\u{e004}` is the tabulator, `\u{e006}` Enter.
    #[track_caller]
    pub fn press(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.post("/actions", &json!({ "actions": [keyboard] }));
    }

    /// Gives the window this size in pixels.
    #[track_caller]
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height });
        self.post("/window/rect", &size);
    }

    /// What the tab shows, as PNG.
    #[track_caller]
    pub fn picture(&self) -> Vec<u8> {
        decode(&self.get("/screenshot"))
    }

    /// Waits until `find` finds something.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, find: impl FnMut() -> Option<T>) -> T {
        self.wait_within(PATIENCE, what, find)
    }

    /// Waits until `find` finds something, which it must within `patience`.
    #[track_caller]
    pub fn wait_within<T>(
        &self,
        patience: Duration,
        what: &str,
        mut find: impl FnMut() -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_millis(25);
        loop {
            if let Some(found) = find() {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "{:?} never had {what} in {patience:?}",
                self.kind
            );
            thread::sleep(pause);
            // Looking costs the browser something, too: less often at what takes long.
            pause = (pause * 5 / 4).min(Duration::from_millis(400));
        }
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.try_post(path, body)
            .unwrap_or_else(|refusal| panic!("{:?}, POST {path}: {refusal}", self.kind))
    }

    fn try_post(&self, path: &str, body: &Value) -> Result<Value, Refusal> {
        let path = format!("{}{path}", self.session);
        self.driver.command("POST", &path, Some(body))
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.try_get(path)
            .unwrap_or_else(|refusal| panic!("{:?}, GET {path}: {refusal}", self.kind))
    }

    fn try_get(&self, path: &str) -> Result<Value, Refusal> {
        let path = format!("{}{path}", self.session);
        self.driver.command("GET", &path, None)
    }

    fn delete(&self, path: &str) {
        let path = format!("{}{path}", self.session);
        let _ = self.driver.command("DELETE", &path, None);
    }

    /// What a person who looks for the mistake wants to see.
    fn remains(&self) -> String {
        let script = "return document.location.href + '\\n' + document.body.innerText";
        let page = self.try_post("/execute/sync", &json!({ "script": script, "args": [] }));
        let page = page.map_or_else(
            |refusal| refusal.to_string(),
            |page| page.as_str().unwrap_or_default().to_owned(),
        );
        let console = self.try_post("/se/log", &json!({ "type": "browser" }));
        let console = console.map_or_else(|_| String::new(), |log| format!("{log:#}"));
        let downloads = self.downloads();
        format!(
            "{:?} shows {page}\nits downloads: {downloads:?}\nits console: {console}",
            self.kind
        )
    }
}

/// The bytes of a picture: section 17.
fn decode(picture: &Value) -> Vec<u8> {
    let text = picture.as_str().unwrap();
    BASE64_STANDARD.decode(text).unwrap()
}

impl Drop for Browser<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.remains());
        }
        // a driver that is killed leaves its browser behind, and a browser those that work for it
        let family = self.space.family(&self.home_variable());
        self.delete("");
        for process in family {
            let _ = kill_process(process, Signal::KILL);
        }
    }
}
