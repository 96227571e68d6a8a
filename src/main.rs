//! The `frontgate` command.

fn main() {}
