//! An engine that can be opened anew while readers hold it: after a failed write the old handle is poisoned, and a
//! store cannot be opened twice, so the old one is dropped first.

use std::{ops::ControlFlow, sync::Arc};

use parking_lot::RwLock;

use super::engine::{Direction, EngineFault, IndexBatch, RawEngine};

type OpenEngine = Box<dyn Fn() -> Result<Arc<dyn RawEngine>, EngineFault> + Send + Sync>;

/// See the module. Reads in progress finish before the old handle goes.
pub struct EngineSlot {
    current: RwLock<Option<Arc<dyn RawEngine>>>,
    open: OpenEngine,
}

impl EngineSlot {
    /// Opens the engine for the first time.
    ///
    /// # Errors
    /// What opening met.
    pub fn open(
        open: impl Fn() -> Result<Arc<dyn RawEngine>, EngineFault> + Send + Sync + 'static,
    ) -> Result<EngineSlot, EngineFault> {
        let engine = open()?;
        Ok(EngineSlot { current: RwLock::new(Some(engine)), open: Box::new(open) })
    }

    /// Gives the old handle up and opens a new one. Until that works nothing can be read from the index, so it is only
    /// called when it is likely to work.
    ///
    /// # Errors
    /// What opening met; it may be called again.
    pub fn reopen(&self) -> Result<(), EngineFault> {
        let mut current = self.current.write();
        *current = None;
        *current = Some((self.open)()?);
        Ok(())
    }

    fn with<T>(&self, call: impl FnOnce(&dyn RawEngine) -> Result<T, EngineFault>) -> Result<T, EngineFault> {
        match &*self.current.read() {
            Some(engine) => call(&**engine),
            None => Err(EngineFault::Poisoned { engine: "index", since: "opening anew" }),
        }
    }
}

impl RawEngine for EngineSlot {
    fn raw_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineFault> {
        self.with(|engine| engine.raw_get(key))
    }

    fn raw_scan(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineFault> {
        self.with(|engine| engine.raw_scan(from, to, direction, visit))
    }

    fn raw_apply(&self, batch: &IndexBatch) -> Result<(), EngineFault> {
        self.with(|engine| engine.raw_apply(batch))
    }

    fn raw_sync(&self) -> Result<(), EngineFault> {
        self.with(|engine| engine.raw_sync())
    }

    fn raw_size_on_disk(&self) -> u64 {
        self.current.read().as_ref().map_or(0, |engine| engine.raw_size_on_disk())
    }

    fn raw_name(&self) -> &'static str {
        self.current.read().as_ref().map_or("index", |engine| engine.raw_name())
    }
}
