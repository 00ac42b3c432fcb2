//! The book builds without a warning, and every link in it leads to a page and a heading.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::markdown::{between, root};
use crate::harness::{folder, mdbook, text};

/// The pages of the built book, by their paths below it.
fn pages(book: &Path) -> BTreeMap<PathBuf, String> {
    fn walk(folder: &Path, book: &Path, found: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, book, found);
            } else if path.extension().is_some_and(|one| one == "html") {
                let name = path.strip_prefix(book).unwrap().to_owned();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(book, book, &mut found);
    found
}

/// The target of a link on a page, below the book; `None` if the link leads out of it.
fn target(page: &Path, link: &str) -> Option<PathBuf> {
    let mut path = page.parent().unwrap().to_owned();
    for part in Path::new(link).components() {
        match part {
            std::path::Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            part => path.push(part),
        }
    }
    Some(path)
}

#[test]
fn the_book_builds_and_its_links_lead_somewhere() {
    let there = folder("book");
    let book = there.path().join("book");
    let output = Command::new(mdbook())
        .args(["build", "--dest-dir"])
        .arg(&book)
        .arg(root().join("docs"))
        .output()
        .unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");

    let pages = pages(&book);
    // The sidebar's links are written by a script; `toc.html` has them.
    let mut seen = 0;
    let mut wrong = BTreeSet::new();
    for (page, html) in &pages {
        // All pages in one, with links of its own; and what a server shows for a missing page.
        if page == Path::new("print.html") || page == Path::new("404.html") {
            continue;
        }
        let links = between(html, "href=\"", '"').chain(between(html, "src=\"", '"'));
        for link in links {
            if link.contains("://") || link.starts_with("mailto:") || link.starts_with("data:") {
                continue;
            }
            seen += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = file.split('?').next().unwrap();
            let at = if file.is_empty() {
                Some(page.clone())
            } else {
                target(page, file)
            };
            let exists = at.as_ref().is_some_and(|at| book.join(at).exists());
            let has_anchor = anchor.is_empty()
                || at
                    .and_then(|at| pages.get(&at))
                    .is_some_and(|html| html.contains(&format!("id=\"{anchor}\"")));
            if !exists || !has_anchor {
                wrong.insert(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(seen > 1000, "only {seen} links were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
