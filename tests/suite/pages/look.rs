//! Widths, colors, and the tree of a screen reader. Also the pictures in the documentation.

use serde_json::json;

use super::Site;
use crate::end_to_end::PATIENCE;
use crate::harness::{Chromium, Exporter};

const LARGEST_PICTURE: usize = 200_000;
/// The variable with the folder for the pictures, which is `docs/images`.
const PICTURES: &str = "PICTURES";

/// Elements that are wider than the window, except in the table, which may scroll sideways.
const TOO_WIDE: &str = "[...document.querySelectorAll('main *, header *')]\
    .filter(one => !one.closest('.scroll table') || getComputedStyle(one).display === 'flex')\
    .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)\
    .map(one => one.outerHTML.slice(0, 80))";

/// The smallest contrast of any text (WCAG 2, relative luminance).
const CONTRAST: &str = "(() => {\
    const parts = color => color.match(/[\\d.]+/g).slice(0, 3).map(Number);\
    const light = color => parts(color).map(part => part / 255)\
        .map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)\
        .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);\
    const back = light(getComputedStyle(document.body).backgroundColor);\
    return Math.min(...[...document.querySelectorAll('main *, header *')]\
        .map(one => light(getComputedStyle(one).color))\
        .map(text => (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05)));\
    })()";

#[test]
fn it_fits_phones_and_screens_in_light_and_dark() {
    let site = Site::start();
    let mut browser = Chromium::start();
    for path in ["/", "/tickets"] {
        for width in [360, 390, 768, 1280, 1920] {
            browser.resize(width, 740, width < 768);
            site.open(&mut browser, path);
            let beyond = "(page => page.scrollWidth - page.clientWidth)(document.documentElement)";
            assert_eq!(browser.evaluate(beyond), json!(0), "{path} at {width}");
            assert_eq!(browser.evaluate(TOO_WIDE), json!([]), "{path} at {width}");
            // Speed is never visible without quality.
            let sideways = "(scroll => scroll.scrollWidth - scroll.clientWidth)\
                            (document.querySelector('.scroll'))";
            assert_eq!(browser.evaluate(sideways), json!(0), "{path} at {width}");
        }
        let mut backgrounds = Vec::new();
        for scheme in ["light", "dark"] {
            browser.prefer_colors(scheme);
            site.open(&mut browser, path);
            backgrounds.push(browser.text("getComputedStyle(document.body).backgroundColor"));
            let contrast = browser.evaluate(CONTRAST).as_f64().unwrap();
            assert!(contrast >= 4.5, "{path} {scheme}: {contrast}");
        }
        assert_ne!(backgrounds[0], backgrounds[1]);
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_screen_reader_gets_a_table_and_the_state() {
    let site = Site::start();
    let mut browser = Chromium::start();
    for width in [360, 1280] {
        browser.resize(width, 740, width == 360);
        site.open(&mut browser, "/");
        let tree = browser.accessibility();
        let has = |role: &str, name: &str| {
            let found = tree
                .iter()
                .any(|(one, other)| one == role && other.contains(name));
            assert!(found, "{role} {name} at {width} in {tree:?}");
        };
        has("heading", "ticket-exporter");
        has("navigation", "Window");
        has("table", "Teams");
        has("listitem", "");
        has("list", "All teams");
        has("columnheader", "First response p90");
        has("rowheader", "billing");
        has("cell", "no data");
        has("status", "");
        has("region", "Teams");
        let live = "document.querySelector('[role=status]').getAttribute('aria-live')";
        assert_eq!(browser.text(live), "polite");
        let current = "document.querySelectorAll('.choice [aria-current=true]').length";
        assert_eq!(browser.evaluate(current), json!(2));
    }
}

#[test]
fn the_pictures_of_the_demo_are_small() {
    let mut exporter = Exporter::start(
        &[
            "demo",
            "--history",
            "40d",
            "--speed-up",
            "60",
            "--seed",
            "7",
        ],
        "",
    );
    exporter.wait_ready(PATIENCE);
    let folder = std::env::var_os(PICTURES);
    let mut browser = Chromium::start();
    for (name, (width, height), scheme) in [
        ("landing-light.png", (1280, 800), "light"),
        ("landing-dark.png", (1280, 800), "dark"),
        ("landing-phone.png", (390, 844), "light"),
        ("landing-phone-dark.png", (390, 844), "dark"),
    ] {
        browser.resize(width, height, width == 390);
        browser.prefer_colors(scheme);
        browser.open(&exporter.url("/?window=7d&clock=business"));
        let picture = browser.screenshot();
        assert!(
            picture.len() < LARGEST_PICTURE,
            "{name}: {} bytes",
            picture.len()
        );
        assert!(picture.len() > 10_000, "{name} is empty");
        if let Some(folder) = &folder {
            std::fs::write(std::path::Path::new(folder).join(name), picture).unwrap();
        }
    }
}
