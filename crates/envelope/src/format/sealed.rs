//! The sealed format, version 1: chunks, then a table, then a summary.
//!
//! What the machines share is here: how content is cut and how pieces of a stream become whole chunks.

mod crcs;
mod cursor;
mod gather;
mod opener;
mod range;
mod sealer;
mod segment;
mod segments;

pub use opener::Opener;
pub use range::RangeOpener;
pub use sealer::Sealer;
pub use segment::SegmentSealer;
pub use segments::SegmentsOpener;
