//! One request, from its head to the last byte of its response: the layers it passes and what they decide.

pub mod arrival;
pub mod forwarded;
//! Requests and their answers.

pub mod error;
pub mod page;
