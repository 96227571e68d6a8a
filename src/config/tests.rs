//! What the configuration file says, and what is said of a wrong one.
