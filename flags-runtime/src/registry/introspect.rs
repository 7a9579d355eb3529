//! Introspection: reads the `.fflags` records of a binary, this one's included.
//!
//! Understands ELF, Mach-O (universal ones too) and PE files and archives of object files (`.rlib`, `.a`); WebAssembly where
//! the program switches on the feature `wasm` of the crate `object`. Records of other versions and of unknown kinds are passed
//! over, so that a reader outlives the format it was built for. A file may be anybody's: what is read is bounded, and whatever
//! it holds is records or one error.

use std::error::Error;
use std::fmt;
use std::path::Path;

use object::read::archive::ArchiveFile;
use object::read::macho::{FatArch, MachOFatFile32, MachOFatFile64};
use object::{FileKind, Object, ObjectSection};
use once_cell::sync::OnceCell;
use serde_json::Value;

use super::Registry;

/// One record, as the binary carries it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Record {
    /// A flag or a call site.
    pub kind: RecordKind,
    /// The flag's name.
    pub name: String,
    /// The package that the record comes from.
    pub package: String,
    /// That package's version.
    pub version: String,
    /// The source file; none with `FLAGS_EMBED=names`.
    pub file: Option<String>,
    /// The line in the file, from 1.
    pub line: Option<u32>,
    /// The column in the line, from 1.
    pub column: Option<u32>,
    /// The module path.
    pub module: Option<String>,
    /// The record's JSON, without padding: for the fields that are not above.
    pub json: String,
}

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordKind {
    /// A declared flag.
    Flag,
    /// A place that reads a flag.
    Site,
}

/// Why a binary's records could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum IntrospectError {
    /// The file could not be read.
    Io(std::io::Error),
    /// It is a folder, a pipe or a device.
    Special,
    /// There is more than is read: [`MAX_FILE_BYTES`] of file, [`MAX_RECORD_BYTES`] of records.
    TooLarge,
    /// The file is no object file, executable or archive that is known, or a damaged one.
    Format(Box<dyn Error + Send + Sync>),
    /// A record is damaged.
    #[non_exhaustive]
    Record {
        /// the start of its text
        text: String,
        /// what is wrong with it
        source: serde_json::Error,
    },
}

/// The largest file that is read: 4 GiB.
pub const MAX_FILE_BYTES: u64 = 4 << 30;
/// The most that the records of one file may weigh: 256 MiB, those of 700,000 places.
pub const MAX_RECORD_BYTES: usize = 256 << 20;

/// Reads all records of a binary's bytes, in the order of the file. A file without any has an empty answer.
///
/// # Errors
///
/// [`IntrospectError::Format`] for anything but an object file, executable or archive and for one that is damaged,
/// [`IntrospectError::Record`] for a damaged section, [`IntrospectError::TooLarge`] for more than [`MAX_RECORD_BYTES`].
pub fn read_records(bytes: &[u8]) -> Result<Vec<Record>, IntrospectError> {
    let mut reader = Reader { records: Vec::new(), bytes_left: MAX_RECORD_BYTES };
    reader.read(bytes)?;
    Ok(reader.records)
}

/// Reads all records of a file.
///
/// # Errors
///
/// [`IntrospectError::Io`] if it cannot be read, [`IntrospectError::Special`] for what is no regular file (a folder, a
/// pipe, a device), [`IntrospectError::TooLarge`] for more than [`MAX_FILE_BYTES`], else as [`read_records`].
pub fn read_file(path: &Path) -> Result<Vec<Record>, IntrospectError> {
    // Asked before it is opened: opening a pipe waits for its writer.
    let metadata = std::fs::metadata(path).map_err(IntrospectError::Io)?;
    if !metadata.is_file() {
        return Err(IntrospectError::Special);
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(IntrospectError::TooLarge);
    }
    read_records(&std::fs::read(path).map_err(IntrospectError::Io)?)
}

impl Registry {
    /// Every call site of this process's executable, sorted by flag, file, line and column.
    ///
    /// Read from the executable's file, once. Not included: what was loaded at run time.
    ///
    /// # Errors
    ///
    /// [`IntrospectError`] if the file is gone or not readable; asked again at the next call.
    pub fn call_sites(&self) -> Result<&'static [Record], IntrospectError> {
        static SITES: OnceCell<Vec<Record>> = OnceCell::new();
        let sites = SITES.get_or_try_init(|| {
            let executable = std::env::current_exe().map_err(IntrospectError::Io)?;
            let mut sites = read_file(&executable)?;
            sites.retain(|record| record.kind == RecordKind::Site);
            sites.sort_by(|a, b| a.place().cmp(&b.place()));
            sites.dedup();
            Ok(sites)
        })?;
        Ok(sites)
    }
}

impl Record {
    /// What records are sorted by.
    fn place(&self) -> impl Ord + '_ {
        (&self.name, &self.package, &self.file, self.line, self.column)
    }
}

fn unknown_format(error: object::Error) -> IntrospectError {
    IntrospectError::Format(Box::new(error))
}

const SECTIONS: [&str; 2] = [".fflags", "__fflags"];

/// What was read of one file, and how much more of it may be.
struct Reader {
    records: Vec<Record>,
    bytes_left: usize,
}

impl Reader {
    fn read(&mut self, bytes: &[u8]) -> Result<(), IntrospectError> {
        match FileKind::parse(bytes).map_err(unknown_format)? {
            FileKind::Archive => {
                for member in ArchiveFile::parse(bytes).map_err(unknown_format)?.members() {
                    let data = member.and_then(|member| member.data(bytes)).map_err(unknown_format)?;
                    // An archive also holds metadata and symbol tables, which are no objects.
                    if let Ok(object) = object::File::parse(data) {
                        self.read_object(&object)?;
                    }
                }
                Ok(())
            }
            FileKind::MachOFat32 => {
                self.read_each(bytes, MachOFatFile32::parse(bytes).map_err(unknown_format)?.arches())
            }
            FileKind::MachOFat64 => {
                self.read_each(bytes, MachOFatFile64::parse(bytes).map_err(unknown_format)?.arches())
            }
            _ => self.read_object(&object::File::parse(bytes).map_err(unknown_format)?),
        }
    }

    /// Reads one program for each architecture, all of which have the same flags unless they say otherwise.
    fn read_each(&mut self, bytes: &[u8], arches: &[impl FatArch]) -> Result<(), IntrospectError> {
        for arch in arches {
            self.read_object(&object::File::parse(arch.data(bytes).map_err(unknown_format)?).map_err(unknown_format)?)?;
        }
        Ok(())
    }

    fn read_object(&mut self, object: &object::File<'_>) -> Result<(), IntrospectError> {
        let is_ours = |section: &object::Section<'_, '_>| section.name().is_ok_and(|name| SECTIONS.contains(&name));
        for section in object.sections().filter(is_ours) {
            let bytes = section.data().map_err(unknown_format)?;
            // Sections of a file that is not sound may lie over each other, so their sum is what has to be bounded.
            self.bytes_left = self.bytes_left.checked_sub(bytes.len()).ok_or(IntrospectError::TooLarge)?;
            for line in bytes.split(|byte| *byte == b'\n') {
                // Padding: spaces inside a record's line, zeros that a linker puts between objects.
                let line = line.trim_ascii();
                let start = line.iter().position(|byte| *byte != 0).unwrap_or(line.len());
                self.records.extend(parse(&line[start..])?);
            }
        }
        Ok(())
    }
}

fn parse(line: &[u8]) -> Result<Option<Record>, IntrospectError> {
    if line.is_empty() {
        return Ok(None);
    }
    let json: Value = serde_json::from_slice(line).map_err(|source| IntrospectError::Record {
        text: String::from_utf8_lossy(line).chars().take(80).collect(),
        source,
    })?;
    let kind = match json["k"].as_str() {
        Some("flag") => RecordKind::Flag,
        Some("site") => RecordKind::Site,
        _ => return Ok(None),
    };
    if json["v"].as_u64() != Some(1) {
        return Ok(None);
    }
    let text = |field: &str| json[field].as_str().map(str::to_owned);
    let number = |field: &str| json[field].as_u64().and_then(|number| u32::try_from(number).ok());
    Ok(Some(Record {
        kind,
        name: text("name").unwrap_or_default(),
        package: text("pkg").unwrap_or_default(),
        version: text("ver").unwrap_or_default(),
        file: text("file"),
        line: number("line"),
        column: number("col"),
        module: text("mod"),
        json: String::from_utf8_lossy(line).trim_end().to_owned(),
    }))
}

impl fmt::Display for IntrospectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(_) => f.write_str("the file cannot be read"),
            Self::Special => f.write_str("it is a folder, a pipe or a device, not a file"),
            Self::TooLarge => write!(
                f,
                "it is too large: at most {} GiB of file are read, and {} MiB of records in it",
                MAX_FILE_BYTES >> 30,
                MAX_RECORD_BYTES >> 20
            ),
            Self::Format(_) => {
                f.write_str("it is no executable, object file or archive that is known, or a damaged one")
            }
            Self::Record { text, .. } => write!(f, "the section holds a damaged record: `{text}`"),
        }
    }
}

impl Error for IntrospectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Special | Self::TooLarge => None,
            Self::Io(error) => Some(error),
            Self::Format(error) => Some(&**error),
            Self::Record { source, .. } => Some(source),
        }
    }
}
