//! The vectors that are made here, by the peer of `tests/peer` and fixed seeds.

mod archives;
mod blocks;
mod frames;
mod messages;
mod sessions;
mod shakes;
mod talk;

/// A vector's name and text.
pub(crate) type Made = (String, String);

/// All of them.
pub(crate) fn all() -> Vec<Made> {
    [
        archives::all(),
        blocks::all(),
        frames::all(),
        messages::all(),
        sessions::all(),
        shakes::all(),
    ]
    .concat()
}

/// Puts a vector together. `headers` is `key: value` lines.
fn vector(
    name: &str,
    kind: &str,
    expect: &str,
    comment: &str,
    headers: &[&str],
    body: &[u8],
) -> Made {
    let mut text = format!("expect: {expect}\nkind: {kind}\ncomment: {comment}\n");
    for header in headers {
        text += header;
        text.push('\n');
    }
    text.push('\n');
    for line in body.chunks(48) {
        text += &crate::run::hex(line);
        text.push('\n');
    }
    (name.to_owned(), text)
}
