//! Made files: artifacts of every format with records that a test chooses, faster than a compiler makes them.

use std::fs;
use std::path::{Path, PathBuf};

use object::write::Object;
use object::{Architecture, BinaryFormat, Endianness, SectionKind};
use serde_json::{Value, json};

/// A flag's record, with what the test says in place of the usual.
pub(crate) fn flag(name: &str, package: &str, fields: Value) -> Value {
    let mut record = json!({
        "v": 1, "k": "flag", "rt": "0.1.0", "name": name, "pkg": package, "ver": "1.0.0", "file": format!("{package}/src/lib.rs"),
        "line": 3, "col": 12, "mod": package, "type": "bool", "default": false, "variants": [], "expires": "2099-01-01",
        "owner": "team", "created": "2026-10-01", "ticket": null, "kind": null, "public": false, "provider": null, "doc": null,
    });
    merge(&mut record, fields);
    record
}

/// The record of a place that reads a flag.
pub(crate) fn site(name: &str, package: &str, line: u32) -> Value {
    json!({"v": 1, "k": "site", "rt": "0.1.0", "name": name, "pkg": package, "ver": "1.0.0",
        "file": format!("{package}/src/main.rs"), "line": line, "col": 8, "mod": package})
}

fn merge(record: &mut Value, fields: Value) {
    let Value::Object(fields) = fields else { panic!("fields of a record") };
    for (field, value) in fields {
        record[field] = value;
    }
}

/// Records as a section holds them.
pub(crate) fn section(records: &[Value]) -> Vec<u8> {
    records.iter().map(|record| format!("{record}   \n")).collect::<Vec<_>>().concat().into_bytes()
}

/// An object file with a section of records.
pub(crate) fn object_file(format: BinaryFormat, records: &[u8]) -> Vec<u8> {
    let architecture = if format == BinaryFormat::MachO { Architecture::Aarch64 } else { Architecture::X86_64 };
    let mut object = Object::new(format, architecture, Endianness::Little);
    let (segment, name) = match format {
        BinaryFormat::MachO => ("__DATA", "__fflags"),
        _ => ("", ".fflags"),
    };
    let section = object.add_section(segment.into(), name.into(), SectionKind::ReadOnlyData);
    object.append_section_data(section, records, 1);
    object.write().unwrap()
}

/// The same as a Windows program.
pub(crate) fn windows_program(records: &[u8]) -> Vec<u8> {
    use object::{pe, write::pe as writer};
    let mut bytes = Vec::new();
    let mut image = writer::Writer::new(true, 0x1000, 0x200, &mut bytes);
    image.reserve_dos_header_and_stub();
    image.reserve_nt_headers(16);
    image.reserve_section_headers(1);
    let length = u32::try_from(records.len()).unwrap();
    let range = image.reserve_section(
        *b".fflags\0",
        pe::IMAGE_SCN_CNT_INITIALIZED_DATA | pe::IMAGE_SCN_MEM_READ,
        length,
        length,
    );
    image.write_dos_header_and_stub().unwrap();
    image.write_nt_headers(writer::NtHeaders {
        machine: pe::IMAGE_FILE_MACHINE_AMD64,
        time_date_stamp: 0,
        characteristics: pe::IMAGE_FILE_EXECUTABLE_IMAGE | pe::IMAGE_FILE_LARGE_ADDRESS_AWARE,
        major_linker_version: 0,
        minor_linker_version: 0,
        address_of_entry_point: 0,
        image_base: 0x1_4000_0000,
        major_operating_system_version: 0,
        minor_operating_system_version: 0,
        major_image_version: 0,
        minor_image_version: 0,
        major_subsystem_version: 0,
        minor_subsystem_version: 0,
        subsystem: pe::IMAGE_SUBSYSTEM_WINDOWS_CUI,
        dll_characteristics: pe::DllFlags(0),
        size_of_stack_reserve: 0x10_0000,
        size_of_stack_commit: 0x1000,
        size_of_heap_reserve: 0x10_0000,
        size_of_heap_commit: 0x1000,
    });
    image.write_section_headers();
    image.write_section(range.file_offset, records);
    bytes
}

/// The same as a module of WebAssembly.
pub(crate) fn wasm_module(records: &[u8]) -> Vec<u8> {
    let leb128 = |mut number: usize| {
        let mut bytes = Vec::new();
        loop {
            let low = u8::try_from(number & 0x7f).unwrap();
            number >>= 7;
            bytes.push(if number == 0 { low } else { low | 0x80 });
            if number == 0 {
                return bytes;
            }
        }
    };
    let name = b".fflags";
    let body = [&leb128(name.len())[..], name, records].concat();
    [&b"\0asm\x01\0\0\0\0"[..], &leb128(body.len()), &body].concat()
}

/// Programs for several architectures in one Mach-O file.
pub(crate) fn universal(programs: &[Vec<u8>]) -> Vec<u8> {
    let mut header = [0xcafe_babe_u32, u32::try_from(programs.len()).unwrap()].map(u32::to_be_bytes).concat();
    let mut offset = 4096_usize;
    for (number, program) in programs.iter().enumerate() {
        let cpu = if number == 0 { 0x0100_000c } else { 0x0100_0007 };
        let words = [cpu, 0, u32::try_from(offset).unwrap(), u32::try_from(program.len()).unwrap(), 12];
        header.extend(words.map(u32::to_be_bytes).concat());
        offset += program.len().next_multiple_of(4096);
    }
    header.resize(4096, 0);
    for program in programs {
        header.extend(program);
        header.resize(header.len().next_multiple_of(4096), 0);
    }
    header
}

/// Object files in an archive, as a Rust library is one.
pub(crate) fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, member) in members {
        bytes.extend(
            format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", format!("{name}/"), 0, 0, 0, 644, member.len()).bytes(),
        );
        bytes.extend(member);
        if member.len() % 2 == 1 {
            bytes.push(b'\n');
        }
    }
    bytes
}

/// Writes an artifact with these records.
pub(crate) fn artifact(folder: &Path, name: &str, records: &[Value]) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, object_file(BinaryFormat::Elf, &section(records))).unwrap();
    file
}
