//! Every event, as it is really written, fits `events.schema.json`.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use hayate::{ErrorKind, Event, Page, Progress, Received, wire::Carrier};
use serde_json::{Value, json};

use super::json::Lines;
use crate::{
    bench::{Measured, Route, Spent, Verdict, What},
    doctor::{Finding, Level},
    failure::Failure,
};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../../events.schema.json"))
        .expect("the schema is JSON")
}

/// Checks `value` against the part of JSON Schema 2020-12 that the file uses; an unknown keyword fails.
fn check(schema: &Value, value: &Value, root: &Value) -> Result<(), String> {
    let fail = |what: &str| Err(format!("{what}: {value}"));
    for (keyword, rule) in schema.as_object().ok_or("not a schema")? {
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => {}
            "$ref" => {
                let pointer = rule
                    .as_str()
                    .and_then(|text| text.strip_prefix('#'))
                    .ok_or("a bad $ref")?;
                check(root.pointer(pointer).ok_or("a dangling $ref")?, value, root)?;
            }
            "oneOf" => {
                let fits = rule
                    .as_array()
                    .ok_or("a bad oneOf")?
                    .iter()
                    .map(|rule| check(rule, value, root));
                let results: Vec<_> = fits.collect();
                if results.iter().filter(|result| result.is_ok()).count() != 1 {
                    return fail(&format!("not exactly one of {results:?}"));
                }
            }
            "const" if rule != value => return fail("not the constant"),
            "enum" if !rule.as_array().is_some_and(|rule| rule.contains(value)) => {
                return fail("not in the enum");
            }
            "const" | "enum" => {}
            "type" => {
                let kind = match value {
                    Value::Null => "null",
                    Value::Bool(_) => "boolean",
                    Value::Number(number) if number.is_f64() => "number",
                    Value::Number(_) => "integer",
                    Value::String(_) => "string",
                    Value::Array(_) => "array",
                    Value::Object(_) => "object",
                };
                if rule != kind
                    && !rule
                        .as_array()
                        .is_some_and(|rule| rule.contains(&json!(kind)))
                {
                    return fail("wrong type");
                }
            }
            "minimum" => {
                if value
                    .as_f64()
                    .zip(rule.as_f64())
                    .is_some_and(|(value, minimum)| value < minimum)
                {
                    return fail("too small");
                }
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    check(rule, item, root)?;
                }
            }
            "properties" => {
                for (name, rule) in rule.as_object().ok_or("bad properties")? {
                    if let Some(value) = value.get(name) {
                        check(rule, value, root)?;
                    }
                }
            }
            "required" => {
                for name in rule
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                {
                    if value.get(name).is_none() {
                        return fail(&format!("{name} is missing"));
                    }
                }
            }
            "additionalProperties" => {
                for name in value
                    .as_object()
                    .into_iter()
                    .flat_map(|object| object.keys())
                {
                    if schema["properties"].get(name).is_none() {
                        return fail(&format!("{name} is too much"));
                    }
                }
            }
            other => return Err(format!("the checker does not know {other}")),
        }
    }
    Ok(())
}

/// Lines of every event but `offer`, with hostile names.
fn lines() -> Vec<String> {
    let mut lines = Lines::new(Instant::now());
    let peer = SocketAddr::from(([192, 0, 2, 7], 50_001));
    let path = b"a/\xff\x1b[31m\xe2\x80\xae".to_vec();
    let progress = |done, current: Option<&[u8]>| Event::Progress {
        peer,
        progress: Progress {
            done,
            total: Some(9),
            current: current.map(<[u8]>::to_vec),
        },
    };
    let stream = Event::Progress {
        peer,
        progress: Progress::default(),
    };
    let mut all = vec![lines.start("send"), lines.start("receive")];
    let events = [
        Event::Waiting {
            code: "7-a-b-c".to_owned(),
            addresses: vec![peer],
            interfaces: vec!["lo".to_owned()],
            page: Some(Page {
                url: "https://192.0.2.7:50001/#7-a-b-c".to_owned(),
                certificate: [7; 32],
            }),
        },
        Event::Waiting {
            code: "7-a-b-c".to_owned(),
            addresses: Vec::new(),
            interfaces: Vec::new(),
            page: None,
        },
        Event::Gone {
            peer,
            wait: Duration::from_secs(15),
        },
        Event::Back { peer },
        Event::Searching {
            seen: "nothing".to_owned(),
        },
        Event::Paired {
            peer,
            cipher: "AES-256-GCM",
            transport: Carrier::WebTransport,
        },
        Event::Paired {
            peer,
            cipher: "AES-256-GCM",
            transport: Carrier::Fetch,
        },
        Event::AuthFailed { peer, left: 2 },
        Event::Accepted { peer },
        Event::Resumed { peer, bytes: 7 },
        Event::Kept {
            path: "kept".into(),
        },
        stream,
        progress(1, Some(&path)),
        progress(9, Some(b"b")),
        Event::Skipped {
            path: path.clone(),
            why: "a link".to_owned(),
        },
        Event::Warning("a\nwarning".to_owned()),
        Event::Done {
            peer,
            bytes: 9,
            blake3: [7; 32],
            path: None,
        },
    ];
    for event in &events {
        all.extend(lines.event(event));
    }
    let mut received = Received {
        peer,
        bytes: 9,
        blake3: [7; 32],
        path: Some(PathBuf::from("photos")),
        text: None,
        elapsed: Duration::ZERO,
        skipped: 0,
    };
    all.extend(lines.received(&received));
    (received.path, received.text) = (None, Some("\u{1b}hello\n".to_owned()));
    all.extend(lines.received(&received));
    all.push(lines.consent(peer, false));
    all.push(lines.survey(&path, 9, 2));
    all.push(lines.error(&Failure::usage("no").hint("yes")));
    all.push(lines.error(&Failure::new(ErrorKind::Disk, "full")));
    all.push(lines.error(&Failure::Interrupted(143)));
    all.push(lines.error(&Failure::Hindered));
    all.extend(reports(&lines));
    all
}

/// What `bench` and `doctor` write.
fn reports(lines: &Lines) -> Vec<String> {
    let mut all = vec![lines.start("bench"), lines.start("doctor")];
    let parts = What::ALL.map(|what| Measured {
        what,
        bytes: 1 << 20,
        spent: Spent {
            wall: Duration::from_secs(1),
            cpu: (what != What::Link).then_some(Duration::from_secs(1)),
        },
    });
    all.extend(parts.iter().map(|part| lines.measured(part)));
    for parts in [&parts[..], &parts[parts.len() - 1..]] {
        let verdict = Verdict::new(Route::To, parts, 2).expect("the link was measured");
        all.push(lines.verdict(&verdict));
    }
    for level in [Level::Fine, Level::Note, Level::Warning] {
        all.push(lines.found(&Finding {
            what: "udp_port",
            level,
            message: "it is taken".to_owned(),
            advice: (level != Level::Fine).then(|| "take another".to_owned()),
        }));
    }
    all
}

#[test]
fn every_line_fits_the_schema() {
    let schema = schema();
    let mut seen = BTreeSet::new();
    for line in lines() {
        assert!(
            line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{line}"
        );
        let value = serde_json::from_str(&line).expect("a line is JSON");
        if let Err(why) = check(&schema, &value, &schema) {
            panic!("{line}\n{why}");
        }
        seen.insert(value["event"].as_str().unwrap_or_default().to_owned());
    }
    let described: BTreeSet<_> = schema["$defs"]
        .as_object()
        .expect("definitions")
        .keys()
        .cloned()
        .collect();
    assert_eq!(seen, described);
}

#[test]
fn lines_that_do_not_fit_are_caught() {
    let schema = schema();
    for wrong in [
        json!({ "v": 1, "event": "warning", "t_ms": 0 }),
        json!({ "v": 2, "event": "warning", "t_ms": 0, "message": "" }),
        json!({ "v": 1, "event": "warning", "t_ms": -1, "message": "" }),
        json!({ "v": 1, "event": "warning", "t_ms": 0, "message": 5 }),
        json!({ "v": 1, "event": "warning", "t_ms": 0, "message": "", "more": 1 }),
        json!({ "v": 1, "event": "rumour", "t_ms": 0, "message": "" }),
        json!([]),
    ] {
        assert!(check(&schema, &wrong, &schema).is_err(), "{wrong}");
    }
}
