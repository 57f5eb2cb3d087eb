//! The files of a payload as one stored ZIP (APPNOTE 6.3.10), made of slices of that payload and of what is written
//! here: headers, and the directory at its end.

use shared::archive::Kind;

use crate::{index::Item, name};

/// A piece of the ZIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Bytes of the payload.
    Slice {
        /// Where they begin.
        offset: u64,
        /// How many, at least 1.
        size: u64,
    },
}

/// A ZIP of `items`, each under `top` and a slash where there is one.
pub fn parts(top: Option<(&[u8], i64)>, items: &[Item]) -> Vec<Part> {
    let mut zip = Zip::default();
    let prefix = top.map_or_else(String::new, |(top, _)| name::stored(top) + "/");
    if let Some((_, mtime)) = top {
        zip.add(&Member {
            name: prefix.clone(),
            mtime,
            mode: DIRECTORY,
            size: 0,
            crc: 0,
            content: 0,
        });
    }
    for item in items {
        let is_directory = item.entry.kind == Kind::Directory;
        let slash = if is_directory { "/" } else { "" };
        zip.add(&Member {
            name: format!(
                "{prefix}{}{slash}",
                name::stored(item.entry.path.as_bytes())
            ),
            mtime: item.entry.mtime,
            mode: match (is_directory, item.entry.executable) {
                (true, _) => DIRECTORY,
                (false, true) => 0o100_755,
                (false, false) => 0o100_644,
            },
            size: item.entry.size,
            crc: item.crc,
            content: item.offset,
        });
    }
    zip.finish()
}

/// Unix mode of a directory.
const DIRECTORY: u32 = 0o040_755;

struct Member {
    name: String,
    mtime: i64,
    mode: u32,
    size: u64,
    crc: u32,
    /// Where its content is in the payload.
    content: u64,
}

#[derive(Default)]
struct Zip {
    parts: Vec<Part>,
    /// Bytes that follow the last of `parts`.
    bytes: Vec<u8>,
    /// Length of all that is in `parts`.
    length: u64,
    directory: Vec<u8>,
    members: u64,
}

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
/// Names are UTF-8.
const UTF8: u16 = 1 << 11;
/// 4.5, the version with 64-bit sizes, made on Unix.
const MADE_BY: u16 = 3 << 8 | 45;
/// Says "see the 64-bit field".
const FULL: u32 = u32::MAX;

impl Zip {
    fn add(&mut self, member: &Member) {
        let at = self.length + self.bytes.len() as u64;
        let large = member.size >= FULL.into();
        let mut extra = Vec::new();
        if large {
            extra.u16(1).u16(16).u64(member.size).u64(member.size);
        }
        timestamp(&mut extra, member.mtime);
        let size = if large { FULL } else { member.size as u32 };
        self.bytes.u32(LOCAL);
        common(&mut self.bytes, member, size, extra.len());
        self.bytes.extend_from_slice(member.name.as_bytes());
        self.bytes.extend_from_slice(&extra);

        let far = at >= FULL.into();
        extra.clear();
        if large || far {
            let mut sizes = Vec::new();
            if large {
                sizes.u64(member.size).u64(member.size);
            }
            if far {
                sizes.u64(at);
            }
            extra.u16(1).u16(sizes.len() as u16);
            extra.append(&mut sizes);
        }
        timestamp(&mut extra, member.mtime);
        let dos_directory = u32::from(member.mode == DIRECTORY) << 4;
        let directory = &mut self.directory;
        directory.u32(CENTRAL).u16(MADE_BY);
        common(directory, member, size, extra.len());
        // No comment, on the first disk, no text.
        directory.u16(0).u16(0).u16(0);
        directory.u32(member.mode << 16 | dos_directory);
        directory.u32(if far { FULL } else { at as u32 });
        directory.extend_from_slice(member.name.as_bytes());
        directory.extend_from_slice(&extra);
        self.members += 1;

        if member.size > 0 {
            self.push_bytes();
            self.length += member.size;
            self.parts.push(Part::Slice {
                offset: member.content,
                size: member.size,
            });
        }
    }

    fn push_bytes(&mut self) {
        self.length += self.bytes.len() as u64;
        self.parts
            .push(Part::Bytes(std::mem::take(&mut self.bytes)));
    }

    fn finish(mut self) -> Vec<Part> {
        let start = self.length + self.bytes.len() as u64;
        let size = self.directory.len() as u64;
        self.bytes.append(&mut self.directory);
        let large = self.members >= u16::MAX.into() || start >= FULL.into() || size >= FULL.into();
        let bytes = &mut self.bytes;
        if large {
            // The record's own length, without its first 12 bytes.
            bytes.u32(END_64).u64(44).u16(MADE_BY).u16(45);
            bytes.u32(0).u32(0).u64(self.members).u64(self.members);
            bytes.u64(size).u64(start);
            bytes.u32(LOCATOR_64).u32(0).u64(start + size).u32(1);
        }
        let members = u16::try_from(self.members).unwrap_or(u16::MAX);
        let short = |value: u64| u32::try_from(value).unwrap_or(FULL);
        bytes.u32(END).u16(0).u16(0).u16(members).u16(members);
        bytes.u32(short(size)).u32(short(start)).u16(0);
        self.push_bytes();
        self.parts
    }
}

/// What the two headers of a member have in common.
fn common(bytes: &mut Vec<u8>, member: &Member, size: u32, extra: usize) {
    let (date, time) = dos(member.mtime);
    // Stored, and both sizes are the same.
    bytes.u16(45).u16(UTF8).u16(0).u16(time).u16(date);
    bytes.u32(member.crc).u32(size).u32(size);
    bytes.u16(member.name.len() as u16).u16(extra as u16);
}

/// Appends the time in seconds since 1970, where it fits: MS-DOS knows no time zone.
fn timestamp(extra: &mut Vec<u8>, mtime: i64) {
    if let Ok(mtime) = i32::try_from(mtime) {
        extra.u16(0x5455).u16(5);
        extra.push(1);
        extra.u32(mtime as u32);
    }
}

/// Date and time as MS-DOS has them, in UTC, within its years.
fn dos(mtime: i64) -> (u16, u16) {
    const FIRST: i64 = 315_532_800;
    const LAST: i64 = 4_354_819_198;
    let mtime = mtime.clamp(FIRST, LAST);
    let (days, seconds) = (mtime.div_euclid(86_400), mtime.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let date = (year - 1980) << 9 | month << 5 | day;
    let time = (seconds / 3600) << 11 | (seconds / 60 % 60) << 5 | (seconds % 60 / 2);
    (date as u16, time as u16)
}

/// Year, month and day of a day since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Little-endian numbers.
trait Append {
    fn u16(&mut self, value: u16) -> &mut Self;
    fn u32(&mut self, value: u32) -> &mut Self;
    fn u64(&mut self, value: u64) -> &mut Self;
}

impl Append for Vec<u8> {
    fn u16(&mut self, value: u16) -> &mut Self {
        self.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.extend_from_slice(&value.to_le_bytes());
        self
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::{
        fs::File,
        io::{Seek, SeekFrom, Write},
        path::{Path, PathBuf},
        process::Command,
    };

    use shared::{archive::Entry, path::SafePath};

    use super::*;

    fn item(path: &[u8], kind: Kind, content: &[u8], offset: u64) -> Item {
        Item {
            entry: Entry {
                path: SafePath::parse(path).unwrap(),
                kind,
                size: content.len() as u64,
                mtime: 1_600_000_001,
                executable: path.ends_with(b"tool"),
            },
            offset,
            crc: crc32fast::hash(content),
        }
    }

    /// What Python's reader says of a ZIP: a line for each member, then what fails its check.
    fn read(path: &Path, what: &str) -> String {
        let script = "import sys, zipfile\n\
            z = zipfile.ZipFile(sys.argv[1])\n\
            for i in z.infolist():\n \
            print(ascii(i.filename), i.file_size, i.date_time, oct(i.external_attr >> 16), i.header_offset)\n\
            print(z.testzip() if sys.argv[2] == 'check' else z.open(z.infolist()[-1]).read())";
        let output = Command::new("python3")
            .args(["-c", script])
            .arg(path)
            .arg(what)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{error}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("hayate-zip-{}-{name}", std::process::id()))
    }

    #[test]
    fn another_reader_finds_every_member_whole() {
        let payload = b"....hello....world!";
        let items = [
            item("é".as_bytes(), Kind::File, b"hello", 4),
            item(b"empty", Kind::File, b"", 4),
            item(b"sub", Kind::Directory, b"", 0),
            item(b"sub/back\\slash\xff.tool", Kind::File, b"world!", 13),
        ];
        let zip = path("small.zip");
        let mut file = File::create(&zip).unwrap();
        for part in parts(Some((b"top", 0)), &items) {
            match part {
                Part::Bytes(bytes) => file.write_all(&bytes).unwrap(),
                Part::Slice { offset, size } => {
                    file.write_all(&payload[offset as usize..][..size as usize])
                        .unwrap();
                }
            }
        }
        let said = read(&zip, "check");
        std::fs::remove_file(&zip).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert!(
            lines[0].starts_with("'top/' 0 (1980, 1, 1, 0, 0, 0) 0o40755"),
            "{said}"
        );
        assert!(
            lines[1].starts_with("'top/\\xe9' 5 (2020, 9, 13, 12, 26, 40) 0o100644"),
            "{said}"
        );
        assert!(lines[3].starts_with("'top/sub/' 0"), "{said}");
        assert!(
            lines[4]
                .starts_with("'top/sub/back%5cslash%ff.tool' 6 (2020, 9, 13, 12, 26, 40) 0o100755"),
            "{said}"
        );
        assert_eq!(lines[5], "None");
    }

    #[test]
    fn what_is_too_large_for_32_bits_has_64() {
        let five = 5 << 30;
        let mut large = item(b"a", Kind::File, b"", 0);
        large.entry.size = five;
        let items = [large, item(b"b", Kind::File, b"end", five)];
        let zip = path("large.zip");
        let mut file = File::create(&zip).unwrap();
        for part in parts(None, &items) {
            match part {
                Part::Bytes(bytes) => file.write_all(&bytes).unwrap(),
                Part::Slice { size: 3, .. } => file.write_all(b"end").unwrap(),
                Part::Slice { size, .. } => {
                    file.seek(SeekFrom::Current(size as i64)).unwrap();
                }
            }
        }
        let said = read(&zip, "read");
        std::fs::remove_file(&zip).unwrap();
        assert!(said.contains(&format!("'a' {five}")), "{said}");
        assert!(said.ends_with("b'end'\n"), "{said}");
    }

    #[test]
    fn more_members_than_16_bits_count_are_all_listed() {
        let items: Vec<Item> = (0..70_000)
            .map(|n| item(format!("{n}").as_bytes(), Kind::File, b"", 0))
            .collect();
        let zip = path("many.zip");
        let mut file = File::create(&zip).unwrap();
        for part in parts(None, &items) {
            let Part::Bytes(bytes) = part else {
                panic!("an empty slice")
            };
            file.write_all(&bytes).unwrap();
        }
        let said = read(&zip, "read");
        std::fs::remove_file(&zip).unwrap();
        assert_eq!(said.lines().count(), 70_001);
    }
}
