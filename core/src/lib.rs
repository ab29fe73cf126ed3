//! Every decision Sendgate makes, and nothing else.
//!
//! `core` turns *(policy, stored state, what is asked, now, a random number)* into *(a decision, the next state,
//! the effects to carry out)*. It has no clock, no random source, no IO, no globals and no threads: every other room
//! fetches those arguments and carries the answer.
//!
//! Three words are kept apart everywhere: *defer* means later will do (with the exact instant), *reject* means never
//! (with the reason), and `Err` means the caller's input is malformed.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod account;
pub mod address;
pub mod admin;
pub mod alert;
pub mod audit;
pub mod backoff;
pub mod calendar;
pub mod catalog;
pub mod config;
pub mod contract;
pub mod domain;
mod dropin;
pub mod error_shape;
pub mod etag;
pub mod event;
pub mod forecast;
pub mod front;
pub mod gate;
pub mod guard;
pub mod http;
pub mod id;
pub mod ip_list;
pub mod key;
pub mod lease;
pub mod ledger;
pub mod limiter;
pub mod lint;
pub mod mailroom;
pub mod message;
pub mod outcome;
pub mod problem;
pub mod provider;
pub mod rate_headers;
pub mod retry_after;
pub mod seal;
pub mod smtp;
pub mod sql;
pub mod storage;
pub mod suppression;
pub mod time;
pub mod transport;
pub mod usage;
pub mod vectors;
mod wire;

/// The README's Rust is run like any other example.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
