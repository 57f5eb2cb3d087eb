//! What a person does on Hayate's page.

use super::{Browser, Element};
use crate::CODE;

impl Browser<'_> {
    /// Opens Hayate's page at `url` and hands it the code phrase.
    #[track_caller]
    pub fn ask(&self, url: &str) {
        self.open(url);
        self.code_field().type_text(CODE);
        self.click("Receive");
    }

    /// The field for the code phrase.
    #[track_caller]
    pub fn code_field(&self) -> Element<'_> {
        self.wait_for("a field for the code phrase", || {
            self.must_go_on();
            self.all("textbox", "Code phrase").pop()
        })
    }

    /// Waits for the offer.
    #[track_caller]
    pub fn wait_for_offer(&self) {
        let what = "an offer to accept or decline";
        self.wait_for(what, || {
            self.must_go_on();
            let offered = ["Receive", "Decline"].map(|button| self.all("button", button).len());
            (offered == [1, 1]).then_some(())
        });
    }

    /// Waits for the offer and accepts it.
    #[track_caller]
    pub fn accept(&self) {
        self.wait_for_offer();
        self.click("Receive");
    }

    /// What the page says is going on.
    #[track_caller]
    pub fn status(&self) -> String {
        let regions = self.select("output, [role=status]");
        assert_eq!(regions.len(), 1, "regions with the role status");
        regions[0].text()
    }

    /// Waits until the page says that all is there, over which transport, with this button to keep it.
    #[track_caller]
    pub fn wait_for_done(&self, transport: &str, button: &str) {
        self.wait_for(&format!("\"{button}\" after {transport}"), || {
            self.must_go_on();
            let status = self.status();
            let done = status.contains("complete") && status.contains(transport);
            (done && !self.all("button", button).is_empty()).then_some(())
        });
    }

    /// Fails if the page has given up.
    #[track_caller]
    fn must_go_on(&self) {
        let status = self.status();
        assert!(!status.starts_with("Stopped"), "{}", self.shown());
    }

    /// The text that can be seen.
    pub fn shown(&self) -> String {
        let text = self.run("return document.body.innerText", &[]);
        text.as_str().unwrap().to_owned()
    }

    /// How far the progress bar is, per cent; none where none is shown.
    pub fn progress(&self) -> Option<f64> {
        let bars = self.select("progress, [role=progressbar]");
        assert!(bars.len() < 2, "more than one progress bar");
        let bar = bars.first().filter(|bar| bar.is_shown())?;
        bar.attribute("aria-valuenow")?.parse().ok()
    }
}
