//! Artifacts of every format, and files that somebody made to do harm: records, or one clear error.

use std::fs;
use std::path::Path;
use std::process::Command;

use flags_runtime::registry::introspect::read_records;
use object::BinaryFormat;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::fixture;
use crate::made::{archive, flag, object_file, section, site, universal, wasm_module, windows_program};
use crate::support::{Said, cargo_flags, run};

fn list(file: &Path) -> Said {
    run(cargo_flags().args(["list", "--format", "json", "--artifact"]).arg(file))
}

fn named(names: &[&str]) -> Vec<u8> {
    let records: Vec<_> =
        names.iter().flat_map(|name| [flag(name, "shop", json!({})), site(name, "shop", 1)]).collect();
    section(&records)
}

#[test]
fn every_format_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let records = named(&["one", "two"]);
    let elf = object_file(BinaryFormat::Elf, &records);
    let files = [
        ("elf", elf.clone()),
        ("mach-o", object_file(BinaryFormat::MachO, &records)),
        ("coff", object_file(BinaryFormat::Coff, &records)),
        ("pe", windows_program(&records)),
        ("wasm", wasm_module(&records)),
        ("libx.rlib", archive(&[("lib.rmeta", b"no object".to_vec()), ("x.o", elf)])),
        (
            "universal",
            universal(&[
                object_file(BinaryFormat::MachO, &named(&["one"])),
                object_file(BinaryFormat::MachO, &named(&["one", "two"])),
            ]),
        ),
    ];
    for (name, bytes) in files {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        let said = list(&file).json();
        let flags: Vec<_> = said.as_array().unwrap().iter().map(|flag| (&flag["name"], &flag["call_sites"])).collect();
        assert_eq!(flags, [(&json!("one"), &json!(1)), (&json!("two"), &json!(1))], "{name}");
    }
}

#[test]
fn the_union_of_files_is_listed_and_a_library_that_nothing_links_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: Vec<u8>| {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        file
    };
    let object = |records: &[Value]| object_file(BinaryFormat::Elf, &section(records));
    let web = write("web", object(&[flag("a", "core", json!({})), site("a", "web", 1), flag("w", "web", json!({}))]));
    let worker = write("worker", object(&[flag("a", "core", json!({})), site("a", "worker", 9)]));
    let core = write("libcore.rlib", archive(&[("x.o", object(&[flag("a", "core", json!({}))]))]));
    let lone =
        write("liblone.rlib", archive(&[("x.o", object(&[flag("l", "lone", json!({})), site("l", "lone", 2)]))]));
    let audit = |files: &[&Path]| {
        let mut command = cargo_flags();
        command.args(["audit", "--as-of", "2026-11-01", "--format", "json", "--artifact"]).args(files);
        run(&mut command).json()
    };
    let said = audit(&[&web, &worker, &core, &lone]);
    assert_eq!((&said["flags"], &said["call_sites"]), (&json!(3), &json!(3)));
    assert_eq!(said["unlinked"], json!(["lone"]));
    // Libraries alone are not unlinked: there is nothing that could link them.
    assert_eq!(audit(&[&core, &lone])["unlinked"], json!([]));
    let table = run(cargo_flags().args(["audit", "--as-of", "2026-11-01", "--artifact"]).args([&web, &lone]));
    assert!(
        table.stderr.contains("note: unlinked: no program has the flags of lone (")
            && table.stderr.contains("use lone as _;"),
        "{table:?}"
    );
}

#[test]
fn what_is_no_artifact_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let program = fs::read(fixture().program()).unwrap();
    let records = named(&["one"]);
    let elf = object_file(BinaryFormat::Elf, &records);
    let damaged = |from: &str, to: &str| {
        let text = String::from_utf8(records.clone()).unwrap().replacen(from, to, 1);
        object_file(BinaryFormat::Elf, text.as_bytes())
    };
    let files = [
        ("empty", Vec::new(), "no executable, object file or archive that is known, or a damaged one"),
        ("text", b"not a program".repeat(9), "no executable, object file or archive"),
        ("truncated", program[..program.len() / 2].to_vec(), "damaged one"),
        ("headless", elf[..64].to_vec(), "damaged one"),
        ("cut", damaged("\"file\"", "\"fi"), "damaged record: `{\"col\""),
        ("binary", object_file(BinaryFormat::Elf, &[0xff; 300]), "damaged record"),
        ("deep", object_file(BinaryFormat::Elf, "[".repeat(100_000).as_bytes()), "damaged record: `[[[["),
    ];
    for (name, bytes, words) in files {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        for verb in [&["list"][..], &["dump"], &["refs", "one"], &["audit"]] {
            let error = run(cargo_flags().args(verb).arg("--artifact").arg(&file)).failed(2);
            assert_eq!(error.lines().count(), 1, "{name}: {error}");
            assert!(error.starts_with(&format!("error: no flags can be read from {}: ", file.display())), "{error}");
            assert!(error.contains(words), "{name}: {error}");
            assert!(error.len() < 1000, "{name}: {} bytes", error.len());
        }
    }
    let error = list(folder.path()).failed(2);
    assert!(error.contains("it is a folder, a pipe or a device, not a file"), "{error}");
    let error = list(&folder.path().join("none")).failed(2);
    assert!(error.contains("the file cannot be read: "), "{error}");
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_keep_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for file in [&*pipe, Path::new("/dev/zero")] {
        let error = list(file).failed(2);
        assert!(error.contains("it is a folder, a pipe or a device, not a file"), "{error}");
    }
    // A file that says that it is larger than anything that is read.
    let sparse = folder.path().join("sparse");
    fs::File::create(&sparse).unwrap().set_len(1 << 40).unwrap();
    let error = list(&sparse).failed(2);
    assert!(error.contains("it is too large: at most 4 GiB of file are read, and 256 MiB of records in it"), "{error}");
}

#[test]
fn sections_that_lie_over_each_other_are_not_read_a_thousand_times() {
    // Every section of the file is `.fflags`, and each is the whole megabyte.
    let records = section(&vec![flag("x", "shop", json!({})); 3000]);
    let mut bytes = object_file(BinaryFormat::Elf, &records);
    let number = |bytes: &[u8], at: usize, length: usize| {
        bytes[at..at + length].iter().rev().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    let (headers, count, size) = (number(&bytes, 0x28, 8), number(&bytes, 0x3c, 2), number(&bytes, 0x3a, 2));
    let ours = (0..count)
        .map(|index| headers + index * size)
        .find(|at| number(&bytes, at + 0x20, 8) == records.len())
        .unwrap();
    let header = bytes[ours..ours + size].to_vec();
    let (all, names) = (bytes[headers..headers + count * size].to_vec(), number(&bytes, 0x3e, 2));
    let start = bytes.len();
    bytes.extend(all);
    let copies = 1000;
    for _ in 0..copies {
        bytes.extend(&header);
    }
    bytes[0x28..0x30].copy_from_slice(&(start as u64).to_le_bytes());
    bytes[0x3c..0x3e].copy_from_slice(&u16::try_from(count + copies).unwrap().to_le_bytes());
    assert!(names < count);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("overlapping");
    fs::write(&file, bytes).unwrap();
    let error = list(&file).failed(2);
    assert!(error.contains("it is too large"), "{error}");
}

#[test]
fn texts_of_records_cannot_steer_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hostile");
    let evil = "\u{1b}[2J\u{9b}31m\u{202e}x\r\n::error::y";
    let records = [flag(evil, evil, json!({"owner": evil, "doc": evil, "file": evil, "never": evil, "expires": null}))];
    fs::write(&file, object_file(BinaryFormat::Elf, &section(&records))).unwrap();
    for words in [
        &["list"][..],
        &["audit", "--by", "owner"],
        &["refs", evil],
        &["audit", "--format", "markdown"],
        &["audit", "--github"],
    ] {
        let said = run(cargo_flags().args(words).arg("--artifact").arg(&file));
        assert_eq!(said.code, Some(0), "{said:?}");
        for text in [&said.stdout, &said.stderr] {
            assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\r']), "{words:?}: {text:?}");
            assert!(!text.lines().any(|line| line.starts_with("::error")), "{words:?}: {text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever is done to a real program, an answer comes back.
    #[test]
    fn damaged_programs_are_read_or_refused_and_nothing_else(
        format in 0..6_usize,
        changes in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 0..20),
        length in 0.0..1.5_f64,
    ) {
        let records = named(&["one", "two"]);
        let elf = object_file(BinaryFormat::Elf, &records);
        let mut bytes = match format {
            0 => elf,
            1 => object_file(BinaryFormat::MachO, &records),
            2 => windows_program(&records),
            3 => wasm_module(&records),
            4 => archive(&[("a.o", elf.clone()), ("b.o", elf)]),
            _ => universal(&[object_file(BinaryFormat::MachO, &records)]),
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in the file")]
        let place = |share: f64, length: usize| ((share * length as f64) as usize).min(length.saturating_sub(1));
        for (share, byte) in changes {
            let at = place(share, bytes.len());
            bytes[at] = byte;
        }
        if length < 1.0 {
            bytes.truncate(place(length, bytes.len()));
        }
        if let Err(error) = read_records(&bytes) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
