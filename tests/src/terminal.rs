//! A person at a terminal: a process whose standard input and error are one.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::process::PATIENCE;

/// A process at a terminal; killed when dropped.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keyboard: File,
    shown: std::sync::mpsc::Receiver<String>,
    screen: String,
}

impl Terminal {
    /// Starts `command` at a terminal that does not tell its size; its standard output goes nowhere.
    pub fn start(command: Command) -> Self {
        Self::sized(command, 0, 0)
    }

    /// Starts `command` at a terminal of so many columns and rows; its standard output goes nowhere.
    pub fn sized(mut command: Command, columns: u16, rows: u16) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let size = Winsize {
            ws_col: columns,
            ws_row: rows,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&keyboard, size).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let end = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let child = command
            .stdin(end.try_clone().unwrap())
            .stderr(end)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // the other ends of the terminal that `command` holds must not outlive the process
        drop(command);
        let keyboard = File::from(keyboard);
        let mut screen = keyboard.try_clone().unwrap();
        let (show, shown) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // the end of a terminal is an error
            while let Ok(length @ 1..) = screen.read(&mut piece) {
                let text = String::from_utf8_lossy(&piece[..length]).into_owned();
                if show.send(text).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keyboard,
            shown,
            screen: String::new(),
        }
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.screen.contains(text) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(more) => self.screen.push_str(&more),
                Err(_) => panic!("\"{text}\" was never shown; the screen: {}", self.screen),
            }
        }
    }

    /// All that was written to it when something was last waited for.
    pub fn screen(&self) -> &str {
        &self.screen
    }

    /// Types `keys`.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until it ends: its exit code and all that was shown.
    pub fn finish(mut self) -> (i32, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "still running; the screen: {}",
                self.screen
            );
            std::thread::sleep(Duration::from_millis(5));
        };
        while let Ok(more) = self.shown.recv_timeout(Duration::from_millis(500)) {
            self.screen.push_str(&more);
        }
        let screen = std::mem::take(&mut self.screen);
        (status.code().unwrap_or(-1), screen)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
