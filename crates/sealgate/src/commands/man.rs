//! `man`: all help as one page of the manual.

use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::failure::Failure;

pub(super) fn run() -> Result<ExitCode, Failure> {
    let mut root = Cli::command();
    root.build();
    let mut page = Vec::new();
    Man::new(root.clone()).render(&mut page).context("the page cannot be written")?;
    let mut page = String::from_utf8_lossy(&page).into_owned();
    for command in commands(&root) {
        page.push_str(&section(command).context("the page cannot be written")?);
    }
    super::say(&page);
    Ok(ExitCode::SUCCESS)
}

/// A command's help as a section, in which what would be sections of a page of its own stands below it.
fn section(command: &clap::Command) -> std::io::Result<String> {
    let man = Man::new(command.clone());
    let mut text = Vec::new();
    man.render_description_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_options_section(&mut text)?;
    man.render_extra_section(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let mut section = format!(".SH \"{}\"\n", name.to_uppercase());
    for line in text.lines().filter(|line| !line.starts_with(".ie ") && !line.starts_with(".el ")) {
        match line {
            ".SH DESCRIPTION" | ".SH EXTRA" => section.push_str(".PP"),
            line => section.push_str(&line.replacen(".SH ", ".SS ", 1)),
        }
        section.push('\n');
    }
    Ok(section)
}

/// Every command that does something, in the order of the help.
fn commands(of: &clap::Command) -> Vec<&clap::Command> {
    let mut found = Vec::new();
    for command in of.get_subcommands().filter(|command| command.get_name() != "help") {
        if command.has_subcommands() { found.extend(commands(command)) } else { found.push(command) }
    }
    found
}
