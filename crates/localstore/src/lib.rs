//! localstore
