//! Archives: what is taken is in order, and what is read can be written and read again.
#![no_main]

use bytes::Bytes;
use hayate_shared::archive::{Entry, Event, Extent, Kind, Layout, Policy, Reader};
use libfuzzer_sys::fuzz_target;

/// The entries of an archive that comes in pieces of this size, and all their content.
fn read(archive: &[u8], piece: usize, links: bool) -> Option<(Vec<Entry>, Vec<u8>)> {
    let mut reader = Reader::new(Policy {
        links,
        max_entries: 64,
    });
    let (mut entries, mut content) = (Vec::new(), Vec::new());
    for piece in archive.chunks(piece) {
        reader.push(Bytes::copy_from_slice(piece));
        loop {
            match reader.next().ok()? {
                Some(Event::Entry(entry)) => entries.push(entry),
                Some(Event::Content(bytes)) => content.extend_from_slice(&bytes),
                None => break,
            }
        }
    }
    let summary = reader.finish().ok()?;
    let found = (entries.len() as u64, content.len() as u64);
    assert_eq!((summary.entries, summary.bytes), found);
    Some((entries, content))
}

fn write(layout: &Layout, mut content: &[u8]) -> Vec<u8> {
    let mut archive = Vec::new();
    for extent in layout.extents(0, layout.len() as usize) {
        match extent {
            Extent::Bytes(bytes) => archive.extend_from_slice(&bytes),
            Extent::Content { len, .. } => {
                let (head, tail) = content.split_at(len);
                archive.extend_from_slice(head);
                content = tail;
            }
        }
    }
    archive
}

fuzz_target!(|input: &[u8]| {
    let [how, archive @ ..] = input else { return };
    let (links, piece) = (how & 1 != 0, 1 + usize::from(how >> 1) * 37);
    let Some((entries, content)) = read(archive, piece, links) else {
        return;
    };
    assert!(entries.windows(2).all(|pair| pair[0].path < pair[1].path));
    let has_link = entries
        .iter()
        .any(|entry| matches!(entry.kind, Kind::Symlink { .. }));
    assert!(links || !has_link);
    let layout = Layout::new(entries.clone()).expect("what was read can be written");
    assert_eq!(
        read(&write(&layout, &content), 4096, links),
        Some((entries, content))
    );
});
