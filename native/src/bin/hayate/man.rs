//! `hayate man`: one page for every command.

use clap::Command;
use clap_mangen::Man;

use crate::{
    args,
    failure::{EXIT_CODES, Failure},
    ui::write_stdout,
};

/// Prints the manual page as roff.
pub(crate) fn run() -> Result<(), Failure> {
    let page =
        page().map_err(|error| Failure::new(hayate::ErrorKind::Internal, error.to_string()))?;
    write_stdout(page.as_bytes())
}

fn page() -> std::io::Result<String> {
    let mut command = args::command().after_help("");
    command.build();
    let mut page = Vec::new();
    let man = Man::new(command.clone()).title("HAYATE").section("1");
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    for subcommand in command
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        page.extend_from_slice(section(subcommand)?.as_bytes());
    }
    let mut page = String::from_utf8_lossy(&page).into_owned();
    page.push_str(".SH EXIT STATUS\n");
    for (code, meaning) in EXIT_CODES {
        page.push_str(&format!(".TP\n.B {code}\n{meaning}\n"));
    }
    page.push_str(ENVIRONMENT);
    Ok(page)
}

/// A command as a section of the page, its own sections one level down.
fn section(command: &Command) -> std::io::Result<String> {
    let man = Man::new(command.clone());
    let mut text = Vec::new();
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    let text = String::from_utf8_lossy(&text).replace("\n.SH ", "\n.SS ");
    let text = match text.strip_prefix(".SH ") {
        Some(rest) => format!(".SS {rest}"),
        None => text,
    };
    Ok(format!(
        ".SH HAYATE {}\n{text}",
        command.get_name().to_uppercase()
    ))
}

const ENVIRONMENT: &str = "\
.SH ENVIRONMENT
Every option \\fB\\-\\-some\\-flag\\fR has a variable \\fBHAYATE_SOME_FLAG\\fR; the option wins.
A switch is on with 1 and off with 0.
\\fBHAYATE_CODE\\fR keeps the code phrase out of the list of processes.
\\fBNO_COLOR\\fR and \\fBTERM=dumb\\fR are respected.
";

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_has_every_command_and_exit_code() {
        let page = super::page().expect("it is written to memory");
        for part in [
            "HAYATE SEND",
            "HAYATE RECEIVE",
            "exclude",
            "EXIT STATUS",
            "130, 143",
            "ENVIRONMENT",
        ] {
            assert!(page.contains(part), "{part}");
        }
    }
}
