//! The built binary where no peer is needed: help, usage errors, exit codes, hostile arguments.

use std::{
    ffi::{OsStr, OsString},
    process::{Command, Output, Stdio},
};

/// Runs `hayate` without a terminal and without variables of its own.
fn hayate<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(words: I) -> Output {
    command()
        .args(words)
        .output()
        .expect("the binary was built")
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hayate"));
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("HAYATE_"))
        {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// One line that begins with `hayate: `, at most one hint, nothing on standard output, exit 2.
fn assert_usage(output: &Output, context: &str) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{context}\n{text}");
    assert!(text.starts_with("hayate: "), "{context}\n{text}");
    assert!(text.lines().count() <= 2, "{context}\n{text}");
    assert!(
        text.lines().skip(1).all(|line| line.starts_with("hint: ")),
        "{context}\n{text}"
    );
    assert!(output.stdout.is_empty(), "{context}");
    assert!(!text.contains("panicked"), "{context}\n{text}");
}

#[test]
fn help_goes_to_stdout_and_has_the_exit_codes() {
    for words in [
        &["--help"][..],
        &["send", "--help"],
        &["receive", "-h"],
        &["help", "send"],
    ] {
        let output = hayate(words);
        assert!(output.status.success(), "{words:?}");
        assert!(
            stdout(&output).contains("unsafe content refused"),
            "{words:?}"
        );
        assert!(output.stderr.is_empty(), "{words:?}");
    }
    assert!(stdout(&hayate(["--version"])).starts_with("hayate "));
    assert!(!stdout(&hayate(["send", "--help"])).contains("[env:"));
}

#[test]
fn help_never_shows_the_code_of_the_environment() {
    let output = command()
        .env("HAYATE_CODE", "7-secret-secret-secret")
        .args(["receive", "--help"])
        .output()
        .expect("the binary was built");
    assert!(!stdout(&output).contains("secret-secret"));
}

#[test]
fn aliases_work() {
    for alias in ["tx", "rx", "recv"] {
        assert!(hayate([alias, "--help"]).status.success(), "{alias}");
    }
}

#[test]
fn wrong_usage_is_one_line_and_exit_2() {
    let cases = [
        "",
        "nonsense",
        "--nonsense",
        "--json",
        "send",
        "send --nonsense",
        "send a --compress 20",
        "send a --compress",
        "send a --words 2",
        "send a --words 9",
        "send a --receivers 0",
        "send a -n x",
        "send a --port 65536",
        "send a --links maybe",
        "send a --cipher rot13",
        "send a --limit 0",
        "send a --limit fast",
        "send a --timeout 0",
        "send a --timeout soon",
        "send a --to host:0",
        "send a --to http://x",
        "send a --bind attic",
        "send a --color mauve",
        "send a --progress much",
        "send a --code",
        "send a --code 7-x",
        "send a --code 7-copper-lantern-xylofone",
        "send a --json --json",
        "send a --keep=yes",
        "send a -t text",
        "send -t text --name n",
        "send -t text --exclude x",
        "send -t text --dry-run",
        "send - --gitignore",
        "send - a",
        "send - -n 2",
        "send - -k",
        "send a -k -n 2",
        "send a --to 192.0.2.1 -k",
        "send a --to 192.0.2.1 -n 2",
        "send a --to 192.0.2.1 -p 5",
        "send a --to 192.0.2.1 --no-web",
        "send a --to 192.0.2.1 --qr never",
        "send a --to 192.0.2.1 --page https://example.org/",
        "send a --no-web --page https://example.org/",
        "send a --page example.org",
        "send a --page http://example.org/",
        "send a --page https://",
        "send a --page https://example.org/#x",
        "send a --qr sometimes",
        "send a --code 7-copper-lantern-violin --words 4",
        "receive",
        "receive -y",
        "receive 7-x -y",
        "receive 7-copper-lantern-xylofone -y",
        "receive 7-copper-lantern-violin",
        "receive 7-copper-lantern-violin extra -y",
        "receive 7-copper-lantern-violin -o -",
        "receive 7-copper-lantern-violin -y --max-size big",
        "receive 7-copper-lantern-violin -y --on-conflict panic",
        "receive 7-copper-lantern-violin -y --from 300.1.2.3",
        "receive 7-copper-lantern-violin -y --listen=attic",
        "receive 7-copper-lantern-violin -y --listen --from 192.0.2.1",
        "receive 7-copper-lantern-violin -y --listen --bind 192.0.2.1",
        "receive 7-copper-lantern-violin -y -o - --on-conflict skip",
        "completions",
        "completions tcsh",
        "man page",
    ];
    for case in cases {
        let output = hayate(case.split_whitespace());
        if case.contains("--json") {
            assert_eq!(output.status.code(), Some(2), "{case}");
        } else {
            assert_usage(&output, case);
        }
    }
    for empty in [["send", ""], ["receive", "--out="]] {
        assert_eq!(hayate(empty).status.code(), Some(2), "{empty:?}");
    }
}

#[test]
fn a_path_that_is_not_there_is_a_usage_error_before_anything_is_announced() {
    let output = hayate(["send", "/no/such/\u{1b}[31mpath"]);
    assert_usage(&output, "a missing path");
    assert!(!stderr(&output).contains("\u{1b}[31m"));
}

#[test]
fn errors_are_json_too_when_asked() {
    for words in [
        &["receive", "--json"][..],
        &["receive", "7-x", "--yes", "--json"],
        &["--json", "send"],
        &["--json", "nonsense"],
        &[
            "receive",
            "7-copper-lantern-violin",
            "-y",
            "-o",
            "-",
            "--json",
        ],
    ] {
        let output = hayate(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let text = stdout(&output);
        assert_eq!(text.lines().count(), 1, "{words:?} {text}");
        let line: serde_json::Value = serde_json::from_str(&text).expect("a line is JSON");
        assert_eq!(line["v"], 1);
        assert_eq!(line["event"], "error");
        assert_eq!(line["kind"], "usage");
        assert_eq!(line["exit"], 2);
        assert!(stderr(&output).starts_with("hayate: "), "{words:?}");
    }
}

#[test]
fn variables_stand_for_flags_and_are_checked_alike() {
    for (name, value) in [
        ("HAYATE_LIMIT", "fast"),
        ("HAYATE_KEEP", "perhaps"),
        ("HAYATE_CODE", "7-x"),
        ("HAYATE_COMPRESS", "99"),
        ("HAYATE_PROGRESS", "much"),
    ] {
        let output = command()
            .env(name, value)
            .args(["send", "."])
            .output()
            .expect("the binary was built");
        assert_usage(&output, name);
    }
    let output = command()
        .env("HAYATE_JSON", "")
        .env("HAYATE_QUIET", "0")
        .args(["completions", "bash"])
        .output()
        .expect("the binary was built");
    assert!(output.status.success());
}

#[test]
fn completions_and_manual_are_complete() {
    for shell in ["bash", "zsh", "fish"] {
        let output = hayate(["completions", shell]);
        assert!(output.status.success(), "{shell}");
        assert!(stdout(&output).contains("on-conflict"), "{shell}");
    }
    let output = hayate(["man"]);
    assert!(output.status.success());
    for part in [".TH", "HAYATE RECEIVE", "EXIT STATUS"] {
        assert!(stdout(&output).contains(part), "{part}");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_gone_is_no_panic() {
    for words in [&["man"][..], &["completions", "zsh"], &["--help"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = command()
            .args(words)
            .stdout(writer)
            .output()
            .expect("the binary was built");
        assert!(!stderr(&output).contains("panicked"), "{words:?}");
        assert!(output.status.success(), "{words:?}");
    }
}

/// Xorshift64* (Marsaglia 2003): the same arguments in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }
}

#[test]
fn no_arguments_make_it_panic() {
    const WORDS: [&str; 60] = [
        "send",
        "receive",
        "tx",
        "rx",
        "recv",
        "completions",
        "man",
        "help",
        "bash",
        "-",
        "--",
        "",
        " ",
        "-c",
        "--code",
        "7-copper-lantern-violin",
        "7-a-b-c",
        "--words",
        "3",
        "-t",
        "--text",
        "hello",
        "--name",
        "-n",
        "-k",
        "--to",
        "192.0.2.1",
        "[::1]:5",
        "-i",
        "lo",
        "--bind",
        "127.0.0.1",
        "-p",
        "0",
        "99999",
        "--exclude",
        "*.o",
        "[",
        "--gitignore",
        "--links",
        "keep",
        "--compress",
        "auto",
        "--limit",
        "1k",
        "--timeout",
        "1ms",
        "-o",
        "--listen",
        "--listen=",
        "--max-size",
        "1e3",
        "--json",
        "-q",
        "-v",
        "--color",
        "always",
        "--progress",
        "\u{202e}",
        "\u{1b}]0;x\u{7}",
    ];
    let mut dice = Dice(0x6861_7961_7465);
    for round in 0..400 {
        let mut words: Vec<OsString> = Vec::new();
        for _ in 0..dice.roll(8) {
            words.push(match dice.roll(12) {
                0 => garbage(&mut dice),
                _ => WORDS[dice.roll(WORDS.len())].into(),
            });
        }
        // "--nonsense" keeps an accidentally sound command from waiting for a peer
        words.insert(dice.roll(words.len() + 1), "--nonsense".into());
        let output = hayate(&words);
        let text = stderr(&output);
        assert!(
            !text.contains("panicked"),
            "round {round}: {words:?}\n{text}"
        );
        assert!(
            !text.contains("\u{1b}]") && !text.contains('\u{202e}'),
            "round {round}: {words:?}\n{text}"
        );
        let code = output.status.code();
        assert!(
            matches!(code, Some(0 | 2)),
            "round {round}: {words:?} {code:?}\n{text}"
        );
    }
}

#[cfg(unix)]
fn garbage(dice: &mut Dice) -> OsString {
    use std::os::unix::ffi::OsStringExt as _;
    let length = dice.roll(12);
    OsString::from_vec((0..length).map(|_| dice.roll(255) as u8 + 1).collect())
}

#[cfg(not(unix))]
fn garbage(dice: &mut Dice) -> OsString {
    (0..dice.roll(12))
        .map(|_| char::from(dice.roll(255) as u8 + 1))
        .collect::<String>()
        .into()
}
