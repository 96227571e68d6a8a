//! The gateway of `frontgate demo`.
