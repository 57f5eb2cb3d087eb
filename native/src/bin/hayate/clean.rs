//! `hayate clean [DIR]`.

use std::{fmt::Write as _, path::Path};

use crate::{
    failure::Failure,
    ui::{place, write_stdout},
};

/// Removes what is kept in `directory`, and says what that was.
pub(crate) fn run(directory: &Path) -> Result<(), Failure> {
    let cleaned = hayate::clean(directory)?;
    let mut said = String::new();
    for path in &cleaned.removed {
        let _ = writeln!(said, "Removed {}", place(path));
    }
    for path in &cleaned.left {
        let _ = writeln!(
            said,
            "Left {}, which is in use or not yours: clean again when its transfer has ended, or remove it by hand",
            place(path)
        );
    }
    if said.is_empty() {
        let _ = writeln!(said, "Nothing is kept in {}", place(directory));
    }
    write_stdout(said.as_bytes())
}
