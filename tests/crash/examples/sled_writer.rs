//! Writes records through sled and ends at once: what is then on the disk is the question.
//!
//! Use: `sled_writer DIR flush|sync`. `flush` calls what sled offers; `sync` also syncs the files that sled made.
#![allow(clippy::unwrap_used)]

use std::{fs::File, path::Path};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let dir = Path::new(&arguments[1]).join("index");
    let sync = arguments[2] == "sync";
    let db = sled::Config::new().path(&dir).flush_every_ms(None).open().unwrap();
    if sync {
        for name in ["conf", "db"] {
            File::open(dir.join(name)).unwrap().sync_all().unwrap();
        }
        for made in [&dir, Path::new(&arguments[1])] {
            File::open(made).unwrap().sync_all().unwrap();
        }
    }
    for batch in 0..20u32 {
        let mut records = sled::Batch::default();
        for record in 0..10u32 {
            records.insert(&(batch * 10 + record).to_be_bytes(), vec![7; 300]);
        }
        db.apply_batch(records).unwrap();
        db.flush().unwrap();
        if sync {
            File::open(dir.join("db")).unwrap().sync_data().unwrap();
        }
    }
    std::process::exit(0);
}
