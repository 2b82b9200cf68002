//! The parser of respstream: bytes in; frames, events, folded responses and rows out.
//!
//! No Python, no files, no threads. Imports point one way: `json` ← `frames` ← `events` ← `fold` ← `rows` ← `decoder`.

pub mod arrays;
pub mod blocks;
pub mod calls;
pub mod catalogue;
pub mod count;
pub mod decoder;
pub mod diagnostics;
pub mod events;
pub mod fold;
pub mod frames;
pub mod json;
pub mod lanes;
pub mod latency;
pub mod lean;
pub mod lines;
pub mod outside;
pub mod packed;
mod plain;
pub mod pointer;
pub mod predict;
pub mod response;
pub mod rows;
pub mod runs;
pub mod settle;
pub mod shapes;
mod simd;
pub mod sink;
pub mod sse;
pub mod times;
pub mod tree;
pub mod wrapped;
