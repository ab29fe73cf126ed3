//! Limits learnt.
