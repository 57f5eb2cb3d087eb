//! What is on a page, found by role and accessible name, as a screen reader finds it.

use serde_json::{Value, json};

use super::{Browser, Refusal};

/// An element of a page.
#[derive(Debug, Clone)]
pub struct Element<'a> {
    browser: &'a Browser<'a>,
    /// `/element/ID`
    path: String,
}

impl Browser<'_> {
    /// The elements that are shown, have `role` and are called `name`.
    pub fn all(&self, role: &str, name: &str) -> Vec<Element<'_>> {
        let mut found = self.select(candidates(role));
        found.retain(|element| {
            element.label().as_deref() == Ok(name)
                && element.role().is_ok_and(|is| is_role(&is, role))
                && element.is_shown()
        });
        found
    }

    /// Waits for the one element that is shown, has `role` and is called `name`.
    #[track_caller]
    pub fn the(&self, role: &str, name: &str) -> Element<'_> {
        let what = format!("one {role} called \"{name}\"");
        self.wait_for(&what, || {
            let mut found = self.all(role, name);
            (found.len() == 1).then(|| found.remove(0))
        })
    }

    /// Waits for the button called `name`, and clicks it.
    #[track_caller]
    pub fn click(&self, name: &str) {
        self.the("button", name).click();
    }

    /// What matches a CSS selector, shown or not.
    pub fn select(&self, css: &str) -> Vec<Element<'_>> {
        let found = self.post(
            "/elements",
            &json!({ "using": "css selector", "value": css }),
        );
        let found = found.as_array().unwrap().iter();
        found.map(|id| Element::new(self, id)).collect()
    }

    /// The element that has the focus.
    pub fn focused(&self) -> Element<'_> {
        Element::new(self, &self.get("/element/active"))
    }
}

impl<'a> Element<'a> {
    pub(super) fn new(browser: &'a Browser<'_>, id: &Value) -> Self {
        // section 11.1
        let id = id["element-6066-11e4-a52e-4f735466cecf"].as_str().unwrap();
        Self {
            browser,
            path: format!("/element/{id}"),
        }
    }

    /// Clicks its middle, which nothing may cover.
    #[track_caller]
    pub fn click(&self) {
        self.post("click", &json!({}));
    }

    pub(super) fn try_click(&self) -> Result<(), Refusal> {
        let path = format!("{}/click", self.path);
        self.browser.try_post(&path, &json!({})).map(|_| ())
    }

    /// Types into it.
    #[track_caller]
    pub fn type_text(&self, text: &str) {
        self.post("value", &json!({ "text": text }));
    }

    /// Takes out what was typed into it.
    #[track_caller]
    pub fn clear(&self) {
        self.post("clear", &json!({}));
    }

    /// Its text as it is shown.
    #[track_caller]
    pub fn text(&self) -> String {
        self.get("text").unwrap().as_str().unwrap().to_owned()
    }

    /// An attribute of it.
    #[track_caller]
    pub fn attribute(&self, name: &str) -> Option<String> {
        let value = self.get(&format!("attribute/{name}")).unwrap();
        value.as_str().map(str::to_owned)
    }

    /// A property of it.
    #[track_caller]
    pub fn property(&self, name: &str) -> Value {
        self.get(&format!("property/{name}")).unwrap()
    }

    /// Waits for an element in its shadow tree.
    #[track_caller]
    pub(super) fn within_shadow(&self, css: &str) -> Self {
        let query = json!({ "using": "css selector", "value": css });
        self.browser.wait_for(css, || {
            let shadow = self.get("shadow").ok()?;
            // section 11.3
            let id = shadow["shadow-6066-11e4-a52e-4f735466cecf"].as_str()?;
            let found = self
                .browser
                .try_post(&format!("/shadow/{id}/element"), &query);
            Some(Self::new(self.browser, &found.ok()?))
        })
    }

    /// What it looks like, as PNG.
    #[track_caller]
    pub fn picture(&self) -> Vec<u8> {
        super::decode(&self.get("screenshot").unwrap())
    }

    /// Its role, as a screen reader is told it.
    pub fn role(&self) -> Result<String, Refusal> {
        self.get("computedrole").map(text)
    }

    /// Its accessible name.
    pub fn label(&self) -> Result<String, Refusal> {
        self.get("computedlabel").map(text)
    }

    /// Whether a person can see it.
    pub fn is_shown(&self) -> bool {
        self.get("displayed").is_ok_and(|shown| shown == true)
    }

    fn get(&self, what: &str) -> Result<Value, Refusal> {
        self.browser.try_get(&format!("{}/{what}", self.path))
    }

    #[track_caller]
    fn post(&self, what: &str, body: &Value) {
        self.browser.post(&format!("{}/{what}", self.path), body);
    }
}

fn text(value: Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What may have this role: asking each element of a page for its role takes long.
fn candidates(role: &str) -> &'static str {
    match role {
        "button" => "button, [role=button]",
        "textbox" => "input, textarea, [role=textbox], [role=combobox]",
        "progressbar" => "progress, [role=progressbar]",
        "status" => "output, [role=status]",
        _ => panic!("which elements have the role {role}?"),
    }
}

/// A text field that completes is a combo box to a screen reader.
fn is_role(is: &str, wanted: &str) -> bool {
    is == wanted || wanted == "textbox" && is == "combobox"
}
