//! What a browser takes and keeps: its memory, its downloads.

use std::{fs, path::PathBuf};

use rustix::process::Pid;

use super::{Browser, Kind};

/// Memory of a browser, bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// What the process that renders the tab has now: the largest such, since Chromium keeps a spare one.
    pub tab: u64,
    /// The most that it ever had.
    pub tab_peak: u64,
    /// What all the others have now.
    pub rest: u64,
    /// The most that all the others ever had.
    pub rest_peak: u64,
}

impl Browser<'_> {
    /// Waits until a download of this name and length is complete: where it is.
    #[track_caller]
    pub fn downloaded(&self, name: &str, length: u64) -> PathBuf {
        let what = format!("{name}, {length} bytes, among its downloads");
        let path = self.home.path().join("downloads").join(name);
        self.wait_for(&what, || {
            let complete = fs::metadata(&path).is_ok_and(|file| file.len() == length);
            (complete && self.loads_nothing()).then(|| path.clone())
        })
    }

    /// Waits until a download of this name is there: where it is. Nothing else may be loaded meanwhile.
    #[track_caller]
    pub fn wait_for_download(&self, name: &str) -> PathBuf {
        let path = self.home.path().join("downloads").join(name);
        self.wait_for(&format!("{name} among its downloads"), || {
            // Firefox reserves the name with an empty file
            let there = fs::metadata(&path).is_ok_and(|file| file.len() > 0);
            (there && self.loads_nothing()).then(|| path.clone())
        })
    }

    fn loads_nothing(&self) -> bool {
        let partial = [".crdownload", ".part", ".wkdownload"];
        let mut names = self.downloads().into_iter();
        !names.any(|name| partial.iter().any(|end| name.ends_with(end)))
    }

    /// The names of all that was downloaded.
    pub fn downloads(&self) -> Vec<String> {
        crate::pair::names(&self.home.path().join("downloads"))
    }

    /// What memory it takes; for Chromium.
    pub fn memory(&self) -> Memory {
        assert!(matches!(self.kind, Kind::Chromium | Kind::Phone));
        let mut memory = Memory::default();
        for process in self.space.family(&self.home_variable()) {
            let process = Pid::as_raw(Some(process));
            let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            let [now, peak] = ["VmRSS:", "VmHWM:"].map(|key| status(process, key));
            // one that renders a page, not the browser's own chrome
            let command = String::from_utf8_lossy(&command);
            if command.contains("--type=renderer") && !command.contains("--top-chrome-webui") {
                memory.tab = memory.tab.max(now);
                memory.tab_peak = memory.tab_peak.max(peak);
            } else {
                memory.rest += now;
                memory.rest_peak += peak;
            }
        }
        assert!(memory.tab > 0, "no process renders pages");
        memory
    }

    /// What every process of this browser has in its environment, and no other.
    pub(super) fn home_variable(&self) -> String {
        format!("HOME={}", self.home.path().display())
    }
}

/// A line of /proc/ID/status that counts kilobytes, in bytes.
fn status(process: i32, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) << 10
}
